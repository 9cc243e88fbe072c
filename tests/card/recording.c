#include "recording.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct header {
	char riff[4];
	uint32_t riff_bytes;
	char wave[4], fmt[4];
	uint32_t fmt_bytes;
	uint16_t tag, channels;
	uint32_t rate_hz, bytes_per_second;
	uint16_t frame_bytes, bits, extra_bytes, valid_bits;
	uint32_t channel_mask;
	uint16_t sub_tag;
	uint8_t sub_guid[14];
	char data[4];
	uint32_t data_bytes;
} __attribute__((packed));
_Static_assert(sizeof(struct header) == RECORDING_HEADER_BYTES, "the header's size is part of the contract");

static struct header header_of(const struct recording *r)
{
	static const uint8_t guid[14] = { 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71 };
	uint64_t bytes = r->frames * r->frame_bytes;
	uint32_t data_bytes = bytes < UINT32_MAX - 64 ? (uint32_t)bytes : UINT32_MAX - 64;
	struct header h = {
		.riff_bytes = data_bytes + RECORDING_HEADER_BYTES - 8,
		.fmt_bytes = 40,
		.tag = 0xfffe,
		.channels = (uint16_t)r->channels,
		.rate_hz = r->rate_hz,
		.bytes_per_second = (uint32_t)(r->rate_hz * r->frame_bytes),
		.frame_bytes = (uint16_t)r->frame_bytes,
		.bits = (uint16_t)snd_pcm_format_physical_width(r->format),
		.extra_bytes = 22,
		.valid_bits = (uint16_t)snd_pcm_format_width(r->format),
		.sub_tag = snd_pcm_format_float(r->format) == 1 ? 3 : 1,
		.data_bytes = data_bytes,
	};
	memcpy(h.riff, "RIFF", 4);
	memcpy(h.wave, "WAVE", 4);
	memcpy(h.fmt, "fmt ", 4);
	memcpy(h.sub_guid, guid, 14);
	memcpy(h.data, "data", 4);
	return h;
}

void recording_init(struct recording *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = -1;
}

static int open_number(const char *dir, int number, int flags)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/recording-%d.wav", dir, number);
	return open(path, flags | O_RDWR | O_CLOEXEC, 0644);
}

int recording_begin(struct recording *r, const char *dir, int current, snd_pcm_format_t format,
		    unsigned int channels, unsigned int rate_hz)
{
	struct header ours, theirs;
	struct stat stat;
	recording_close(r);
	r->format = format;
	r->channels = channels;
	r->rate_hz = rate_hz;
	r->frame_bytes = (size_t)snd_pcm_format_physical_width(format) / 8 * channels;
	r->frames = 0;
	ours = header_of(r);

	r->fd = open_number(dir, current, 0);
	if (r->fd >= 0) {
		if (read(r->fd, &theirs, sizeof(theirs)) == sizeof(theirs) && fstat(r->fd, &stat) == 0) {
			r->frames = ((uint64_t)stat.st_size - sizeof(theirs)) / r->frame_bytes;
			theirs.riff_bytes = ours.riff_bytes;
			theirs.data_bytes = ours.data_bytes;
			if (memcmp(&ours, &theirs, sizeof(ours)) == 0 && lseek(r->fd, 0, SEEK_END) >= 0)
				return current;
		}
		recording_close(r);
		r->frames = 0;
		current++;
	}
	r->fd = open_number(dir, current, O_CREAT | O_TRUNC);
	if (r->fd < 0 || write(r->fd, &ours, sizeof(ours)) != sizeof(ours))
		return -EIO;
	return current;
}

static void write_all(int fd, const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, data, bytes);
		if (n <= 0)
			return; /* a full disk shows as a recording shorter than `recorded_frames` */
		data += n;
		bytes -= (size_t)n;
	}
}

/* ALSA keeps 24 bits in the low bytes of a word, WAV in the high ones; WAV is little-endian. */
static void to_wav(snd_pcm_format_t format, const uint8_t *in, uint8_t *out, size_t bytes)
{
	size_t padding = (size_t)(snd_pcm_format_physical_width(format) - snd_pcm_format_width(format)) / 8;
	bool is_little = snd_pcm_format_little_endian(format) == 1;
	for (size_t i = 0; i < bytes; i++) {
		size_t from = i - padding; /* significance of the byte */
		out[i] = i < padding ? 0 : in[is_little ? from : bytes - 1 - from];
	}
}

void recording_append(struct recording *r, const void *data, uint64_t frames)
{
	if (r->fd < 0)
		return;
	r->frames += frames;
	bool is_left_aligned = snd_pcm_format_width(r->format) == snd_pcm_format_physical_width(r->format);
	if (is_left_aligned && snd_pcm_format_little_endian(r->format) == 1) {
		write_all(r->fd, data, frames * r->frame_bytes);
		return;
	}
	const uint8_t *in = data;
	uint8_t out[4096 * 3];
	size_t sample_bytes = (size_t)snd_pcm_format_physical_width(r->format) / 8, room = sizeof(out) / sample_bytes;
	for (size_t left = frames * r->channels; left > 0;) {
		size_t n = left < room ? left : room;
		for (size_t i = 0; i < n; i++)
			to_wav(r->format, in + i * sample_bytes, out + i * sample_bytes, sample_bytes);
		write_all(r->fd, (const char *)out, n * sample_bytes);
		in += n * sample_bytes;
		left -= n;
	}
}

void recording_finish(struct recording *r)
{
	if (r->fd < 0)
		return;
	struct header h = header_of(r);
	if (pwrite(r->fd, &h, sizeof(h), 0) != sizeof(h))
		return; /* tools then see an older length */
}

void recording_close(struct recording *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}
