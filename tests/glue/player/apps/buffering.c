#error "the small player has no buffering of its own"
