#include "player.h"
