//! What stands between the sink and the device: the ring, the lock-free hand-over of chains, the counters.
