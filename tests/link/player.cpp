// The same from C++, with a private pool beside the core pool and callbacks as a C++ program writes them.
#include <cstdio>
#include <vector>

#include <rockmem/buflib.h>
#include <rockmem/core_alloc.h>

namespace
{
unsigned moves;

int moved(int, void *, void *)
{
    ++moves;
    return BUFLIB_CB_OK;
}

buflib_callbacks movable = { moved, nullptr, nullptr };
} // namespace

int main()
{
    std::vector<unsigned char> memory(64 * 1024);
    buflib_context pool;
    buflib_init(&pool, memory.data(), memory.size());

    // A hole in front of a block: what the pool has left in one piece takes moving the block into it.
    const int front = buflib_alloc(&pool, 1000);
    const int back = buflib_alloc_ex(&pool, 1000, &movable);
    const int locked = buflib_alloc_ex(&pool, 16, &buflib_ops_locked);
    if (front <= 0 || back <= 0 || locked <= 0)
        return 1;
    static_cast<char *>(buflib_get_data(&pool, back))[999] = 'x';
    buflib_free(&pool, front);
    buflib_free(&pool, locked);
    const int large = buflib_alloc(&pool, memory.size() - 1800);
    if (large <= 0)
        return 2;
    if (static_cast<char *>(buflib_get_data(&pool, back))[999] != 'x')
        return 3;
    std::printf("C++, moved %s\n", moves > 0 ? "yes" : "no");
    return 0;
}
