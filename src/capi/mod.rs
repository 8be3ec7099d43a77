//! Floor 7: the exported C functions, one file per header. Thin: check arguments, call one thing, map the result.
