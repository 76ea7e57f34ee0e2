"""One file a stage: typed parameters and input paths in, one library call, output paths out."""
