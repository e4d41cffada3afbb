// Copies of strings, most of which are short: a call of memcpy would cost more than the copy.
// Inside the string kernels only.
//
// Thread contract: pure functions.
#pragma once

#include <cstring>
#include <string_view>

#include "data/column.h"

namespace millrace::engine {

// Copies the text's first and last bytes, which together are all of it.
template <size_t kBytes>
[[gnu::always_inline]] inline void PutEnds(std::string_view text, char* to) {
  char first[kBytes];
  char last[kBytes];
  std::memcpy(first, text.data(), kBytes);
  std::memcpy(last, text.data() + text.size() - kBytes, kBytes);
  std::memcpy(to, first, kBytes);
  std::memcpy(to + text.size() - kBytes, last, kBytes);
}

// Copies the text, which may be empty and point nowhere; the end of the copy.
[[gnu::always_inline]] inline char* Put(std::string_view text, char* to) {
  const size_t size = text.size();
  if (size >= 8) {
    if (size <= 16) {
      PutEnds<8>(text, to);
    } else if (size <= 32) {
      PutEnds<16>(text, to);
    } else {
      std::memcpy(to, text.data(), size);
    }
  } else if (size >= 3) {
    size == 3 ? PutEnds<2>(text, to) : PutEnds<4>(text, to);
  } else if (size > 0) {
    to[0] = text[0];
    to[size - 1] = text[size - 1];
  }
  return to + size;
}

// Copies a padded text in blocks to where a block more fits; the end of the copy. Without a branch
// on the size of short texts, which no processor foresees.
[[gnu::always_inline]] inline char* PutBlocks(std::string_view text, char* to) {
  if (text.empty()) return to;  // it may point nowhere
  size_t at = 0;
  do {
    std::memcpy(to + at, text.data() + at, data::kStringPadding);
    at += data::kStringPadding;
  } while (at < text.size());
  return to + text.size();
}

}  // namespace millrace::engine
