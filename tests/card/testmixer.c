/*
 * A mixer for tests: an ALSA control plugin with the awkward controls that cards have. Opened as
 * `testmixer:DIR=/abs/folder`; what its controls hold stands in `mixer` in that folder, a line `index name: value …`
 * each, so that a test reads what a program has set.
 */
#include <alsa/asoundlib.h>
#include <alsa/control_external.h>
#include <stdbool.h>
#include <stdint.h>

#define MAX_VALUES 8

struct control {
	const char *name;
	unsigned int index;
	int type;
	unsigned int values;
	long max, first; /* the least is 0; what it holds at first */
	bool is_stuck;   /* takes every value and keeps its own */
	unsigned int scale[4];
};

#define MINMAX(min, max) { SND_CTL_TLVT_DB_MINMAX, 8, (unsigned int)(min), (unsigned int)(max) }

static const struct control controls[] = {
	/* A DAC: half a decibel a step, mute at the lowest. */
	{ "Digital Playback Volume", 0, SND_CTL_ELEM_TYPE_INTEGER, 2, 207, 207, false,
	  { SND_CTL_TLVT_DB_SCALE, 8, (unsigned int)-10350, 50 | 0x10000 /* mutes */ } },
	/* Amplifies at its upper end. Linear: its lower steps are many dB apart. */
	{ "Master Playback Volume", 0, SND_CTL_ELEM_TYPE_INTEGER, 2, 127, 127, false,
	  { SND_CTL_TLVT_DB_LINEAR, 8, (unsigned int)SND_CTL_TLV_DB_GAIN_MUTE, 2400 } },
	{ "Padded  Playback Volume", 0, SND_CTL_ELEM_TYPE_INTEGER, 1, 100, 100, false, MINMAX(-6000, 0) },
	{ "PCM Playback Volume", 0, SND_CTL_ELEM_TYPE_INTEGER, 2, 100, 100, false, MINMAX(-6000, 0) },
	{ "PCM Playback Volume", 1, SND_CTL_ELEM_TYPE_INTEGER, 2, 100, 100, false, MINMAX(-6000, 0) },
	{ "Unscaled Playback Volume", 0, SND_CTL_ELEM_TYPE_INTEGER, 2, 100, 100, false, { 0 } },
	{ "Stuck Playback Volume", 0, SND_CTL_ELEM_TYPE_INTEGER, 2, 100, 100, true, MINMAX(-6000, 0) },
	{ "Eight Playback Volume", 0, SND_CTL_ELEM_TYPE_INTEGER, 8, 100, 100, false, MINMAX(-6000, 0) },
	{ "Speaker Playback Switch", 0, SND_CTL_ELEM_TYPE_BOOLEAN, 2, 1, 1, false, { 0 } },
};
#define COUNT (sizeof(controls) / sizeof(controls[0]))

struct mixer {
	snd_ctl_ext_t ext;
	char path[4096];
	long held[COUNT][MAX_VALUES];
};

/* Several programs, or handles of one, may look: the file is what counts. */
static void load(struct mixer *mixer)
{
	FILE *file = fopen(mixer->path, "re");
	for (size_t c = 0; c < COUNT; c++) {
		if (file && fscanf(file, "%*[^:]:") == EOF)
			fclose(file), file = NULL;
		for (unsigned int v = 0; v < controls[c].values; v++)
			if (!file || fscanf(file, "%ld", &mixer->held[c][v]) != 1)
				mixer->held[c][v] = controls[c].first;
	}
	if (file)
		fclose(file);
}

static int store(const struct mixer *mixer)
{
	FILE *file = fopen(mixer->path, "we");
	if (!file)
		return -errno;
	for (size_t c = 0; c < COUNT; c++) {
		fprintf(file, "%u %s:", controls[c].index, controls[c].name);
		for (unsigned int v = 0; v < controls[c].values; v++)
			fprintf(file, " %ld", mixer->held[c][v]);
		fputc('\n', file);
	}
	return fclose(file) == 0 ? 0 : -errno;
}

static int elem_count(snd_ctl_ext_t *ext)
{
	(void)ext;
	return COUNT;
}

static int elem_list(snd_ctl_ext_t *ext, unsigned int offset, snd_ctl_elem_id_t *id)
{
	(void)ext;
	snd_ctl_elem_id_set_interface(id, SND_CTL_ELEM_IFACE_MIXER);
	snd_ctl_elem_id_set_name(id, controls[offset].name);
	snd_ctl_elem_id_set_index(id, controls[offset].index);
	return 0;
}

static snd_ctl_ext_key_t find_elem(snd_ctl_ext_t *ext, const snd_ctl_elem_id_t *id)
{
	(void)ext;
	for (size_t c = 0; c < COUNT; c++)
		if (!strcmp(snd_ctl_elem_id_get_name(id), controls[c].name) &&
		    snd_ctl_elem_id_get_index(id) == controls[c].index)
			return c;
	return SND_CTL_EXT_KEY_NOT_FOUND;
}

static int get_attribute(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, int *type, unsigned int *access,
			 unsigned int *count)
{
	const struct control *control = &controls[key];
	*type = control->type;
	*count = control->values;
	*access = SND_CTL_EXT_ACCESS_READWRITE;
	if (control->scale[1]) {
		*access |= SND_CTL_EXT_ACCESS_TLV_READ;
		ext->tlv.p = control->scale;
	}
	return 0;
}

static int get_integer_info(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *min, long *max, long *step)
{
	(void)ext;
	*min = 0;
	*max = controls[key].max;
	*step = 1;
	return 0;
}

static int read_integer(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *values)
{
	struct mixer *mixer = ext->private_data;
	load(mixer);
	memcpy(values, mixer->held[key], controls[key].values * sizeof(*values));
	return 0;
}

static int write_integer(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *values)
{
	struct mixer *mixer = ext->private_data;
	if (controls[key].is_stuck)
		return 0;
	load(mixer);
	memcpy(mixer->held[key], values, controls[key].values * sizeof(*values));
	int err = store(mixer);
	return err < 0 ? err : 1;
}

static int read_event(snd_ctl_ext_t *ext, snd_ctl_elem_id_t *id, unsigned int *mask)
{
	(void)ext;
	(void)id;
	(void)mask;
	return -EAGAIN;
}

static void close_mixer(snd_ctl_ext_t *ext)
{
	free(ext->private_data);
}

static const snd_ctl_ext_callback_t callbacks = {
	.close = close_mixer,
	.elem_count = elem_count,
	.elem_list = elem_list,
	.find_elem = find_elem,
	.get_attribute = get_attribute,
	.get_integer_info = get_integer_info,
	.read_integer = read_integer,
	.write_integer = write_integer,
	.read_event = read_event,
};

SND_CTL_PLUGIN_DEFINE_FUNC(testmixer)
{
	const char *dir = NULL;
	snd_config_iterator_t i, next;
	snd_config_for_each(i, next, conf) {
		snd_config_t *node = snd_config_iterator_entry(i);
		const char *id;
		if (snd_config_get_id(node, &id) == 0 && !strcmp(id, "dir"))
			snd_config_get_string(node, &dir);
	}
	if (!dir || access(dir, W_OK) < 0)
		return -ENODEV;
	struct mixer *mixer = calloc(1, sizeof(*mixer));
	if (!mixer)
		return -ENOMEM;
	snprintf(mixer->path, sizeof(mixer->path), "%s/mixer", dir);
	load(mixer);
	mixer->ext.version = SND_CTL_EXT_VERSION;
	mixer->ext.callback = &callbacks;
	mixer->ext.private_data = mixer;
	mixer->ext.poll_fd = -1;
	strcpy(mixer->ext.id, "testmixer");
	strcpy(mixer->ext.driver, "testmixer");
	strcpy(mixer->ext.name, "A mixer for tests");
	strcpy(mixer->ext.longname, "A mixer for tests");
	strcpy(mixer->ext.mixername, "A mixer for tests");
	int err = snd_ctl_ext_create(&mixer->ext, name, mode);
	if (err < 0) {
		free(mixer);
		return err;
	}
	*handlep = mixer->ext.handle;
	return 0;
}
SND_CTL_PLUGIN_SYMBOL(testmixer);
