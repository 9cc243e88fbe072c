//! PipeWire, and nothing else: the sink, its thread, events out, commands in.
