// A C interface to zita-convolver's Convproc, in one partition size and vector mode: all work is done by the caller.
#include <zita-convolver.h>

extern "C" {

void *zita_new(unsigned inputs, unsigned outputs, unsigned taps, unsigned block) {
    Convproc *engine = new Convproc;
    engine->set_options(Convproc::OPT_FFTW_MEASURE | Convproc::OPT_VECTOR_MODE);
    if (engine->configure(inputs, outputs, taps, block, block, block, 0)) return nullptr;
    return engine;
}

int zita_fir(void *engine, unsigned input, unsigned output, float *fir, int taps) {
    return static_cast<Convproc *>(engine)->impdata_create(input, output, 1, fir, 0, taps);
}

int zita_start(void *engine) { return static_cast<Convproc *>(engine)->start_process(0, 0); }
float *zita_input(void *engine, unsigned input) { return static_cast<Convproc *>(engine)->inpdata(input); }
float *zita_output(void *engine, unsigned output) { return static_cast<Convproc *>(engine)->outdata(output); }
int zita_process(void *engine) { return static_cast<Convproc *>(engine)->process(true); }

void zita_delete(void *engine) {
    Convproc *convproc = static_cast<Convproc *>(engine);
    convproc->stop_process();
    convproc->cleanup();
    delete convproc;
}

}
