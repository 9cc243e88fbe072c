/*
 * recording-N.wav: what the DAC played, as a WAV that any audio tool opens. A stream of the same shape continues the
 * file of the one before; another format, channel count or rate begins the next. The header's sizes are brought up to
 * date when a stream stops; the samples begin at byte RECORDING_HEADER_BYTES at any time.
 */
#ifndef TESTCARD_RECORDING_H
#define TESTCARD_RECORDING_H

#include <alsa/asoundlib.h>
#include <stdint.h>

#define RECORDING_HEADER_BYTES 68

struct recording {
	int fd;
	snd_pcm_format_t format;
	unsigned int channels, rate_hz;
	size_t frame_bytes;
	uint64_t frames;
};

void recording_init(struct recording *r);
/* Continues number `current` if it has this shape, else begins the next free one. Returns its number or -errno. */
int recording_begin(struct recording *r, const char *dir, int current, snd_pcm_format_t format,
		    unsigned int channels, unsigned int rate_hz);
void recording_append(struct recording *r, const void *data, uint64_t frames);
void recording_finish(struct recording *r);
void recording_close(struct recording *r);

#endif
