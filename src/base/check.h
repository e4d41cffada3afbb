// Assertions that stay on in production. A failed one is a bug of ours: it says so, names the place
// and ends the process (recovery is built for that). Input, files and peers are never checked with
// these: they get a Result.
#pragma once

#include <string_view>

namespace millrace {
[[noreturn]] void CheckFailed(std::string_view file, int line, std::string_view condition,
                              std::string_view what);
}  // namespace millrace

// MR_CHECK(condition, "what must hold").
#define MR_CHECK(condition, what)                                    \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::millrace::CheckFailed(__FILE__, __LINE__, #condition, what); \
  } while (false)
