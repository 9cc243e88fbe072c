//! What the error numbers of sound devices mean to their owners.

use std::fmt;

use nix::errno::Errno;
use nix::libc;

/// The kernel's `ENOTSUPP`, which escapes to programs although it is not meant to: libc has no name for it.
const ENOTSUPP: i32 = 524;

/// What an error number of a PCM call means, and what to do about it: one line, as [`fmt::Display`] writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    errno: i32,
}

/// The meaning of `errno`, positive or negated, from opening, starting or running a device.
pub fn explain(errno: i32) -> Explanation {
    Explanation { errno: errno.saturating_abs() }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.errno {
            // The host controller cannot schedule the isochronous transfers.
            libc::ENOSPC => {
                "the USB bus has no bandwidth left for it; use a port of another USB controller, unplug other devices of this one, or choose a smaller `device_format`"
            }
            ENOTSUPP => {
                "its driver cannot play now; an HDMI port says so while no screen is switched on: connect one, or choose another device"
            }
            libc::ENODEV | libc::ENXIO | libc::ENOENT | libc::ESHUTDOWN | libc::EBADF => {
                "the device is gone; plug it in again, and check its cable and power"
            }
            libc::EIO | libc::ETIMEDOUT | libc::EREMOTEIO => {
                "the card does not answer; check its cable, power and overlay or driver: the kernel's log (`journalctl -k`) may say more"
            }
            libc::EPROTO | libc::EILSEQ | libc::ETIME | libc::EOVERFLOW | libc::ECOMM | libc::EXDEV => {
                "the USB transfer failed; use another cable or port, and no hub without a power supply"
            }
            libc::EINVAL => {
                "the driver refuses this configuration; try other `period_frames` and `periods`, or another `device_format`"
            }
            libc::ENOMEM => "no memory for its buffer; choose smaller `period_frames` or `periods`",
            libc::EPIPE => {
                "it ran out of frames; choose larger `period_frames` or `periods`, and allow real-time scheduling"
            }
            libc::ESTRPIPE => "it sleeps with the system",
            libc::EBUSY | libc::EAGAIN => {
                "another program uses it; stop the program (`fuser -v /dev/snd/*` names it), or choose another device"
            }
            libc::EACCES | libc::EPERM => {
                "no permission; add the user to the group 'audio' or log in on the machine's seat"
            }
            libc::EMFILE | libc::ENFILE => "no file descriptor is left; raise the limit (`ulimit -n`, `LimitNOFILE=`)",
            libc::EBADFD => "the driver lost track of its state; plug the card in again",
            errno => {
                // The number too: a stranger's search finds it.
                let name = Errno::from_raw(errno).desc();
                return write!(f, "{name} (error {errno}); the kernel's log (`journalctl -k`) may say why");
            }
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_error_number_has_a_remedy_in_one_line() {
        use libc::*;
        for errno in
            [ENOSPC, ENOTSUPP, ENODEV, EIO, ETIMEDOUT, EPROTO, EINVAL, ENOMEM, EPIPE, EBUSY, EACCES, EMFILE, EBADFD]
        {
            let text = explain(errno).to_string();
            assert!(
                text.contains(';') && !text.contains('\n') && !text.contains("journalctl -k`) may say why"),
                "{text}"
            );
            assert_eq!(explain(-errno), explain(errno));
        }
        assert!(explain(ENOSPC).to_string().contains("USB") && explain(ENOTSUPP).to_string().contains("HDMI"));
        for errno in [0, 9999, i32::MIN, ENOTTY] {
            let text = explain(errno).to_string();
            assert!(text.contains("journalctl") && text.contains(&errno.saturating_abs().to_string()), "{text}");
        }
    }
}
