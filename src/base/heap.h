// The process's heap, set up for work that comes in batches.
#pragma once

namespace millrace {

// The memory of one batch serves the next: freed blocks of up to 4 MiB, and up to 32 MiB at the end
// of an arena, stay in the process. By default glibc gives them back after each batch, and the
// kernel zeroes every page of the next one anew. Called once, first thing in main().
void KeepFreedMemory();

}  // namespace millrace
