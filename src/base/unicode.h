// UTF-8 text as SQL sees it: code points, letter case, positions.
//
// Text that is not valid UTF-8 is never refused: a byte that starts no sequence counts as one
// character, and case functions keep it or replace it by U+FFFD; nothing reads past the end.
//
// Thread contract: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

// Whether every byte is below 0x80. Tests 8 bytes at a time.
bool IsAscii(std::string_view text);
bool IsValidUtf8(std::string_view text);

// Bytes of the code point that starts with `lead` (1 for a byte that starts none).
inline size_t SequenceLength(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF8 ? 4 : 1;
}
// Code points: bytes that do not continue a sequence.
size_t CountCodePoints(std::string_view text);
// Byte offset of code point number `index`; text.size() when there are not so many.
size_t OffsetOfCodePoint(std::string_view text, size_t index);
// The code point at byte offset `at`, which is moved behind it; U+FFFD for broken bytes.
char32_t NextCodePoint(std::string_view text, size_t& at);
void AppendCodePoint(char32_t code_point, std::string& to);

// Full case mapping of the root locale (ICU): "straße" becomes "STRASSE". Replaces `to`.
void UpperCase(std::string_view text, std::string& to);
void LowerCase(std::string_view text, std::string& to);
// The first letter of each word in title case, the rest in lower case; words end at a space.
void TitleCase(std::string_view text, std::string& to);
bool IsUpperLetter(char32_t code_point);
bool IsLowerLetter(char32_t code_point);
bool IsDigit(char32_t code_point);

// `bytes` of one charset in another, by ICU's names ("UTF-8", "ISO-8859-1"); nullopt: bytes or
// characters that one of them does not have, or an unknown charset.
std::optional<std::string> ConvertCharset(const char* from, const char* to, std::string_view bytes);

}  // namespace millrace
