/*
 * A sound card for tests: an ALSA ioplug that plays in real time and records what its DAC played.
 *
 * The ring below is the card's memory. Its hardware pointer follows CLOCK_MONOTONIC (times 1 + ppm) and each frame is
 * recorded at the moment the pointer passes it, so a frame that is written too late, or twice, or never, is recorded
 * as a listener would hear it. The poll descriptor is a timerfd armed for the period boundary at which the writer's
 * `avail_min` is reached: like a card's interrupt, it wakes at period boundaries only.
 *
 * Opened as `testcard:DIR=/abs/folder,CHANNELS=2/8,RATES=48000,FORMATS=S32_LE/S16_LE,ACCESS=RW_NONINTERLEAVED` through
 * asound.conf, which says where the library lies. DIR must exist; without the rest the card takes 2 to 16 channels at all
 * its rates, in all little-endian formats, interleaved or not. Commands and counters: control.h. `events.log` in the folder has a line `nanoseconds recorded-frames event`
 * for every open, start, xrun, stop, unplug and close.
 */
#define _GNU_SOURCE
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "recording.h"

#define MAX_CHANNELS 128
#define MAX_LISTED 16 /* values of one limit */
#define STALL_LOOK_NS 5000000 /* while stalled: look for commands this often */

struct card {
	snd_pcm_ioplug_t io;
	char dir[PATH_MAX - 64];
	int control_fd;
	struct control *control;
	FILE *events;
	struct recording recording;
	char *ring;
	size_t frame_bytes;
	snd_pcm_channel_area_t areas[MAX_CHANNELS];
	snd_pcm_uframes_t avail_min;
	bool running;
	/* Position: `hw` frames since prepare, of which `base` were passed by the time `base_ns`. */
	uint64_t hw, base;
	int64_t base_ns, ppm;
	bool stalled;
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void note(struct card *card, const char *event)
{
	fprintf(card->events, "%lld %lld %s\n", (long long)now_ns(),
		(long long)card->control->recorded_frames, event);
	fflush(card->events);
}

/* ---- The clock ---- */

static uint64_t frames_in(const struct card *card, int64_t ns)
{
	unsigned __int128 rate = (unsigned __int128)card->io.rate * (uint64_t)(1000000 + card->ppm);
	return (uint64_t)((unsigned __int128)(ns > 0 ? ns : 0) * rate / 1000000000000000ULL);
}

/* Nanoseconds from `base_ns` until `frames` have passed; rounded up, so that they have. */
static int64_t ns_for(const struct card *card, uint64_t frames)
{
	unsigned __int128 rate = (unsigned __int128)card->io.rate * (uint64_t)(1000000 + card->ppm);
	return (int64_t)(((unsigned __int128)frames * 1000000000000000ULL + rate - 1) / rate);
}

/* Where the pointer stands by the clock; starts a new line where its slope (ppm, stall) changes. */
static uint64_t clock_position(struct card *card)
{
	int64_t now = now_ns();
	uint64_t position = card->base + (card->stalled ? 0 : frames_in(card, now - card->base_ns));
	bool stalled = card->control->stalled;
	int64_t ppm = card->control->clock_ppm;
	if (ppm != card->ppm || stalled != card->stalled) {
		/* The whole frames stay in `base`; their fraction is kept by starting at the frame's own time. */
		card->base_ns = card->stalled ? now : card->base_ns + ns_for(card, position - card->base);
		card->base = position;
		card->ppm = ppm;
		card->stalled = stalled;
	}
	return position;
}

/* Arms the descriptor for the next moment the writer has something to do. */
static void arm(struct card *card)
{
	struct itimerspec timer = { .it_value = { 0, 1 } }; /* long past: readable at once */
	int64_t due = 0;
	if (card->running && card->stalled) {
		due = now_ns() + STALL_LOOK_NS;
	} else if (card->running) {
		uint64_t appl = card->io.appl_ptr, period = card->io.period_size;
		uint64_t wanted = appl + card->avail_min;
		if (card->io.state == SND_PCM_STATE_DRAINING)
			wanted = appl + card->io.buffer_size;
		wanted = wanted > card->io.buffer_size ? wanted - card->io.buffer_size : 0;
		wanted = (wanted + period - 1) / period * period;
		if (wanted > appl)
			wanted = appl;
		if (wanted > card->hw) {
			due = card->base_ns + ns_for(card, wanted - card->base);
		}
	}
	if (due > 0)
		timer.it_value = (struct timespec){ due / 1000000000, due % 1000000000 };
	timerfd_settime(card->io.poll_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

/* ---- The DAC ---- */

/* Plays (records) up to `target`, frame by frame what the ring holds there. */
static void play(struct card *card, uint64_t target)
{
	snd_pcm_uframes_t size = card->io.buffer_size;
	while (card->hw < target) {
		snd_pcm_uframes_t at = card->hw % size, span = size - at;
		if (span > target - card->hw)
			span = target - card->hw;
		if (!card->control->muted_record) {
			recording_append(&card->recording, card->ring + at * card->frame_bytes, span);
			card->control->recorded_frames += span;
		}
		card->hw += span;
		card->control->frames_played += span;
	}
}

static snd_pcm_sframes_t stop_with(struct card *card, const char *event)
{
	card->running = false;
	note(card, event);
	arm(card);
	return -EPIPE;
}

static void unplug(struct card *card)
{
	card->running = false;
	note(card, "unplug");
	snd_pcm_ioplug_set_state(&card->io, SND_PCM_STATE_DISCONNECTED);
	arm(card);
}

static snd_pcm_sframes_t card_pointer(snd_pcm_ioplug_t *io)
{
	struct card *card = io->private_data;
	if (!card->running)
		return io->state == SND_PCM_STATE_XRUN ? -EPIPE : (snd_pcm_sframes_t)(card->hw % io->buffer_size);
	uint64_t appl = io->appl_ptr, position = clock_position(card);
	play(card, position < appl ? position : appl);
	if (card->control->unplugged) {
		unplug(card);
	} else if (card->hw >= appl && position >= appl) {
		if (io->state == SND_PCM_STATE_DRAINING)
			return stop_with(card, "drained");
		/* A card notices at its next period: until then it plays on through what its memory still holds. */
		uint64_t notice = (appl / io->period_size + 1) * io->period_size;
		if (notice > position)
			notice = position;
		card->control->stale_frames += notice - appl;
		play(card, notice);
		card->control->xruns += 1;
		return stop_with(card, "xrun");
	} else if (card->control->xrun_requests > card->control->forced_xruns) {
		card->control->forced_xruns += 1;
		return stop_with(card, "forced-xrun");
	}
	card->control->state = io->state;
	return card->hw % io->buffer_size;
}

static snd_pcm_sframes_t card_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
				       snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
	struct card *card = io->private_data;
	struct control *control = card->control;
	if (io->state == SND_PCM_STATE_DISCONNECTED)
		return -ENODEV;
	int64_t fill = (int64_t)(io->appl_ptr - card->hw);
	if (card->running && fill < control->min_fill_frames)
		control->min_fill_frames = fill;
	for (snd_pcm_uframes_t done = 0; done < size;) {
		snd_pcm_uframes_t at = (io->appl_ptr + done) % io->buffer_size, span = io->buffer_size - at;
		if (span > size - done)
			span = size - done;
		snd_pcm_areas_copy(card->areas, at, areas, offset + done, io->channels, span, io->format);
		done += span;
	}
	fill += size;
	control->fill_frames = fill;
	if (fill > control->max_fill_frames)
		control->max_fill_frames = fill;
	return size;
}

static int card_delay(snd_pcm_ioplug_t *io, snd_pcm_sframes_t *delay)
{
	struct card *card = io->private_data;
	if (card->running)
		snd_pcm_avail_update(io->pcm); /* brings the pointer, and the state, up to now */
	if (io->state == SND_PCM_STATE_XRUN)
		return -EPIPE;
	if (io->state == SND_PCM_STATE_DISCONNECTED)
		return -ENODEV;
	*delay = (snd_pcm_sframes_t)(io->appl_ptr - card->hw);
	return 0;
}

static int card_poll_revents(snd_pcm_ioplug_t *io, struct pollfd *pfd, unsigned int count, unsigned short *revents)
{
	struct card *card = io->private_data;
	(void)count;
	*revents = 0;
	if (!(pfd->revents & POLLIN))
		return 0;
	if (card->control->unplugged && io->state != SND_PCM_STATE_DISCONNECTED)
		unplug(card);
	if (card->running)
		snd_pcm_avail_update(io->pcm);
	switch (io->state) {
	case SND_PCM_STATE_DISCONNECTED:
		*revents = POLLERR | POLLNVAL; /* what the kernel answers for a removed card */
		break;
	case SND_PCM_STATE_PREPARED:
	case SND_PCM_STATE_RUNNING:
		if (snd_pcm_ioplug_avail(io, card->hw, io->appl_ptr) >= card->avail_min)
			*revents = POLLOUT;
		break;
	case SND_PCM_STATE_DRAINING:
		break;
	default:
		*revents = POLLOUT | POLLERR;
	}
	arm(card);
	return 0;
}

/* ---- Life of a stream ---- */

static int card_start(snd_pcm_ioplug_t *io)
{
	struct card *card = io->private_data;
	struct control *control = card->control;
	if (control->start_errno)
		return -(int)control->start_errno;
	card->stalled = control->stalled;
	card->ppm = control->clock_ppm;
	card->base = card->hw;
	card->base_ns = now_ns();
	card->running = true;
	control->starts += 1;
	control->start_ns = card->base_ns;
	control->start_frame = (int64_t)control->recorded_frames;
	note(card, "start");
	arm(card);
	return 0;
}

static int card_stop(snd_pcm_ioplug_t *io)
{
	struct card *card = io->private_data;
	if (card->running) { /* what its DAC played up to this moment */
		uint64_t position = clock_position(card), appl = io->appl_ptr;
		play(card, position < appl ? position : appl);
		card->running = false;
		note(card, "stop");
	}
	card->control->stops += 1;
	recording_finish(&card->recording);
	arm(card);
	return 0;
}

static int card_prepare(snd_pcm_ioplug_t *io)
{
	struct card *card = io->private_data;
	if (card->control->unplugged)
		return -ENODEV;
	card->running = false;
	card->hw = 0;
	arm(card);
	return 0;
}

static int card_hw_params(snd_pcm_ioplug_t *io, snd_pcm_hw_params_t *params)
{
	struct card *card = io->private_data;
	struct control *control = card->control;
	(void)params;
	if (control->configure_errno)
		return -(int)control->configure_errno;
	card->frame_bytes = (size_t)snd_pcm_format_physical_width(io->format) / 8 * io->channels;
	free(card->ring);
	card->ring = calloc(io->buffer_size, card->frame_bytes);
	if (!card->ring)
		return -ENOMEM;
	for (unsigned int c = 0; c < io->channels; c++) {
		card->areas[c].addr = card->ring;
		card->areas[c].first = c * (unsigned int)snd_pcm_format_physical_width(io->format);
		card->areas[c].step = (unsigned int)card->frame_bytes * 8;
	}
	card->avail_min = io->period_size;
	int number = recording_begin(&card->recording, card->dir, (int)control->recording, io->format,
				     io->channels, io->rate);
	if (number < 0)
		return number;
	control->recording = number;
	control->recorded_frames = (int64_t)card->recording.frames;
	control->rate_hz = io->rate;
	control->channels = io->channels;
	control->format = io->format;
	control->period_frames = (int64_t)io->period_size;
	control->buffer_frames = (int64_t)io->buffer_size;
	return 0;
}

static int card_sw_params(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *params)
{
	struct card *card = io->private_data;
	return snd_pcm_sw_params_get_avail_min(params, &card->avail_min);
}

static void card_free(struct card *card)
{
	recording_finish(&card->recording);
	recording_close(&card->recording);
	free(card->ring);
	if (card->control) {
		card->control->holder_pid = 0;
		munmap(card->control, CONTROL_BYTES);
	}
	if (card->events)
		fclose(card->events);
	if (card->control_fd >= 0)
		close(card->control_fd); /* gives the lock back */
	if (card->io.poll_fd >= 0)
		close(card->io.poll_fd);
	free(card);
}

static int card_close(snd_pcm_ioplug_t *io)
{
	struct card *card = io->private_data;
	card->control->closes += 1;
	note(card, "close");
	card_free(card);
	return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
	.start = card_start,
	.stop = card_stop,
	.pointer = card_pointer,
	.transfer = card_transfer,
	.close = card_close,
	.hw_params = card_hw_params,
	.sw_params = card_sw_params,
	.prepare = card_prepare,
	.poll_revents = card_poll_revents,
	.delay = card_delay,
};

/* ---- Open ---- */

static int number_value(const char *text)
{
	return atoi(text) > 0 ? atoi(text) : -1;
}

static int format_value(const char *text)
{
	return (int)snd_pcm_format_value(text);
}

static int access_value(const char *text)
{
	for (int access = 0; access <= SND_PCM_ACCESS_LAST; access++)
		if (!strcmp(text, snd_pcm_access_name((snd_pcm_access_t)access)))
			return access;
	return -1;
}

/* Reads `a/b/c`, each by `value_of`. An empty text keeps `list` as it is. False on a bad value. */
static bool read_list(const char *text, int (*value_of)(const char *), unsigned int *list, unsigned int *count)
{
	char copy[256], *rest = NULL;
	snprintf(copy, sizeof(copy), "%s", text);
	unsigned int found = 0;
	for (char *part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
		int value = value_of(part);
		if (value < 0 || found == MAX_LISTED)
			return false;
		list[found++] = (unsigned int)value;
	}
	if (found > 0)
		*count = found;
	return true;
}

SND_PCM_PLUGIN_DEFINE_FUNC(testcard)
{
	unsigned int formats[MAX_LISTED] = { SND_PCM_FORMAT_S32_LE, SND_PCM_FORMAT_S24_LE, SND_PCM_FORMAT_S24_3LE,
				    SND_PCM_FORMAT_S16_LE, SND_PCM_FORMAT_FLOAT_LE };
	unsigned int rates[MAX_LISTED] = { 44100, 48000, 96000 }, channels[MAX_LISTED];
	unsigned int format_count = 5, rate_count = 3, channel_count = 0, access_count = 3;
	unsigned int accesses[MAX_LISTED] = { SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_RW_NONINTERLEAVED,
				    SND_PCM_ACCESS_MMAP_INTERLEAVED };
	const char *dir = NULL, *text;
	char path[PATH_MAX];
	snd_config_iterator_t i, next;
	struct card *card;
	int err;

	snd_config_for_each(i, next, conf) {
		snd_config_t *node = snd_config_iterator_entry(i);
		const char *id;
		bool good = true;
		if (snd_config_get_id(node, &id) < 0 || !strcmp(id, "comment") || !strcmp(id, "type") ||
		    !strcmp(id, "hint"))
			continue;
		if (snd_config_get_string(node, &text) < 0)
			good = false;
		else if (!strcmp(id, "dir"))
			dir = text;
		else if (!strcmp(id, "formats"))
			good = read_list(text, format_value, formats, &format_count);
		else if (!strcmp(id, "rates"))
			good = read_list(text, number_value, rates, &rate_count);
		else if (!strcmp(id, "channels"))
			good = read_list(text, number_value, channels, &channel_count);
		else if (!strcmp(id, "access"))
			good = read_list(text, access_value, accesses, &access_count);
		else
			good = false;
		if (!good) {
			SNDERR("testcard: bad field '%s'", id);
			return -EINVAL;
		}
	}
	if (!dir || stream != SND_PCM_STREAM_PLAYBACK)
		return -EINVAL;
	if (channel_count == 0)
		for (; channel_count < 15; channel_count++)
			channels[channel_count] = channel_count + 2;

	card = calloc(1, sizeof(*card));
	if (!card)
		return -ENOMEM;
	card->control_fd = card->io.poll_fd = -1;
	recording_init(&card->recording);
	snprintf(card->dir, sizeof(card->dir), "%s", dir);

	snprintf(path, sizeof(path), "%s/control", card->dir);
	card->control_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (card->control_fd < 0 || ftruncate(card->control_fd, CONTROL_BYTES) < 0)
		goto failed;
	struct control *control =
		mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, card->control_fd, 0);
	if (control == MAP_FAILED)
		goto failed;
	if (flock(card->control_fd, LOCK_EX | LOCK_NB) < 0 || control->busy || control->unplugged || control->open_errno) {
		errno = control->unplugged ? ENODEV : control->open_errno ? (int)control->open_errno : EBUSY;
		control->refused += 1;
		munmap(control, CONTROL_BYTES);
		goto failed;
	}
	poll(NULL, 0, (int)control->open_delay_ms);
	card->control = control;
	snprintf(path, sizeof(path), "%s/events.log", card->dir);
	card->events = fopen(path, "ae");
	card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (!card->events || card->io.poll_fd < 0)
		goto failed;
	if (control->opens == 0)
		control->min_fill_frames = NO_FILL_SEEN;
	control->opens += 1;
	control->holder_pid = getpid();
	if (control->only_rate_hz) {
		rates[0] = (unsigned int)control->only_rate_hz;
		rate_count = 1;
	}
	note(card, "open");

	card->io.version = SND_PCM_IOPLUG_VERSION;
	card->io.name = "A card for tests";
	card->io.callback = &callbacks;
	card->io.private_data = card;
	card->io.poll_events = POLLIN;
	card->io.flags = SND_PCM_IOPLUG_FLAG_MONOTONIC;
	if ((err = snd_pcm_ioplug_create(&card->io, name, stream, mode)) < 0) {
		card_free(card);
		return err;
	}
	/* From here on alsa-lib owns the card: deleting the plugin calls card_close. */
	if ((err = snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_ACCESS, access_count, accesses)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_FORMAT, format_count, formats)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_RATE, rate_count, rates)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_CHANNELS, channel_count, channels)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 1 << 19)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 128, 1 << 20)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64)) < 0) {
		snd_pcm_ioplug_delete(&card->io);
		return err;
	}
	arm(card);
	*pcmp = card->io.pcm;
	return 0;

failed:
	err = -errno;
	card_free(card);
	return err;
}
SND_PCM_PLUGIN_SYMBOL(testcard);
