// Copying a JSON string's bytes and looking for escapes in one go. Inside the JSON reader only.
//
// Thread contract: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace millrace::data {

inline constexpr size_t kCopyBytes = 16;
using CopiedBlock = uint8_t __attribute__((vector_size(kCopyBytes)));

// Copies a block; the bytes of the result are set where a backslash stands.
inline CopiedBlock CopyBlock(const char* from, char* to) {
  CopiedBlock block;
  std::memcpy(&block, from, kCopyBytes);
  std::memcpy(to, &block, kCopyBytes);
  return reinterpret_cast<CopiedBlock>(block == static_cast<uint8_t>('\\'));
}

// Copies `raw` in blocks (both sides have room for a block more) and says whether it has a
// backslash.
inline bool CopyFindingEscape(std::string_view raw, char* to) {
  constexpr CopiedBlock kLanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  CopiedBlock slashes{};
  const char* from = raw.data();
  size_t left = raw.size();
  for (; left >= kCopyBytes; left -= kCopyBytes, from += kCopyBytes, to += kCopyBytes)
    slashes |= CopyBlock(from, to);
  slashes |=
      CopyBlock(from, to) & reinterpret_cast<CopiedBlock>(kLanes < static_cast<uint8_t>(left));
  std::array<uint64_t, 2> words;
  std::memcpy(words.data(), &slashes, sizeof(words));
  return (words[0] | words[1]) != 0;
}

inline bool HasEscape(std::string_view text) {
  return std::memchr(text.data(), '\\', text.size()) != nullptr;
}

}  // namespace millrace::data
