//! Life of the process: start, the reload transaction, signals, the control socket, status.
