/*
 * The page shared between a test and the card: `control` in the card's folder, mapped by both.
 * 64-bit words in native order; each word has one writer. tests/support/card.rs holds the same list.
 */
#ifndef TESTCARD_CONTROL_H
#define TESTCARD_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic int64_t word;

struct control {
	/* Commands: the test writes, the card obeys at its next look (every call, at least every period). */
	word clock_ppm;      /* deviation of the card's clock from CLOCK_MONOTONIC; may change while it runs */
	word unplugged;      /* 1: -ENODEV on open; a running stream turns DISCONNECTED for good */
	word busy;           /* 1: -EBUSY on open */
	word stalled;        /* 1: the hardware pointer stands still, and nothing wakes up */
	word xrun_requests;  /* each increment forces one -EPIPE on a running stream */
	word muted_record;   /* 1: play without recording (soak runs) */
	word open_errno;     /* not 0: open fails by this error number */
	word configure_errno; /* not 0: so does setting the hardware parameters */
	word start_errno;    /* not 0: so does every start */
	word open_delay_ms;  /* so long an open that succeeds takes */
	word only_rate_hz;   /* not 0: the one rate that it takes from its next opening on */
	word reserved_command[5];

	/* Reports: the card writes. */
	word opens, closes, refused;           /* refused: opens answered with an error */
	word starts, stops;
	word xruns;                            /* ran dry by itself */
	word forced_xruns;
	word frames_played;                    /* passed by the hardware pointer, over all streams */
	word stale_frames;                     /* of these, played past the end of what was written */
	word recording;                        /* number N of the current recording-N.wav */
	word recorded_frames;                  /* in that file, including stale frames */
	word rate_hz, channels, format, period_frames, buffer_frames; /* format: snd_pcm_format_t */
	word state;                            /* snd_pcm_state_t as last seen */
	word fill_frames;                      /* written and not yet played, after the last write */
	word min_fill_frames;                  /* least ever found by a write while running: the distance to an xrun */
	word max_fill_frames;
	word start_ns, start_frame;            /* CLOCK_MONOTONIC of the last start; recorded_frames then */
	word holder_pid;
};

#define CONTROL_BYTES 4096
#define NO_FILL_SEEN INT64_MAX

#endif
