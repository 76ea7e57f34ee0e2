"""Where text comes from: one module a kind of source, all behind one small protocol."""
