extern volatile long current_tick;
