#include "base/unicode.h"

#include <cstring>
#include <memory>

#include <unicode/ucasemap.h>
#include <unicode/uchar.h>
#include <unicode/ucnv.h>
#include <unicode/utf8.h>

#include "base/check.h"

namespace millrace {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080ULL;

// ICU's case mapper of the root locale: made once, immutable, used by all threads.
const UCaseMap* CaseMap() {
  static const UCaseMap* const map = [] {
    UErrorCode error = U_ZERO_ERROR;
    UCaseMap* made = ucasemap_open("", 0, &error);
    MR_CHECK(U_SUCCESS(error), "ICU has its root locale");
    return made;
  }();
  return map;
}

using Mapper = int32_t (*)(const UCaseMap*, char*, int32_t, const char*, int32_t, UErrorCode*);

void MapCase(Mapper mapper, std::string_view text, std::string& to) {
  // Letters may grow, at most threefold; most do not.
  to.resize(text.size() + 16);
  for (;;) {
    UErrorCode error = U_ZERO_ERROR;
    const int32_t size = mapper(CaseMap(), to.data(), static_cast<int32_t>(to.size()), text.data(),
                                static_cast<int32_t>(text.size()), &error);
    if (error == U_BUFFER_OVERFLOW_ERROR) {
      to.resize(static_cast<size_t>(size));
      continue;
    }
    to.resize(U_SUCCESS(error) ? static_cast<size_t>(size) : 0);
    return;
  }
}

using Converter = std::unique_ptr<UConverter, decltype(&ucnv_close)>;

// Stops at bytes or characters that it does not know, instead of putting others in their place.
Converter OpenStrict(const char* charset) {
  UErrorCode error = U_ZERO_ERROR;
  Converter converter(ucnv_open(charset, &error), &ucnv_close);
  if (U_FAILURE(error)) return converter;
  ucnv_setFromUCallBack(converter.get(), UCNV_FROM_U_CALLBACK_STOP, nullptr, nullptr, nullptr,
                        &error);
  ucnv_setToUCallBack(converter.get(), UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &error);
  return converter;
}

}  // namespace

bool IsAscii(std::string_view text) {
  size_t at = 0;
  uint64_t seen = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    seen |= word;
  }
  for (; at < text.size(); ++at) seen |= static_cast<uint8_t>(text[at]);
  return (seen & kHighBits) == 0 && (seen & 0x80) == 0;
}

bool IsValidUtf8(std::string_view text) {
  size_t at = 0;
  const auto size = text.size();
  while (at < size) {
    UChar32 code_point = 0;
    U8_NEXT(reinterpret_cast<const uint8_t*>(text.data()), at, size, code_point);
    if (code_point < 0) return false;
  }
  return true;
}

size_t CountCodePoints(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += static_cast<int8_t>(c) >= -0x40 ? 1 : 0;
  return count;
}

size_t OffsetOfCodePoint(std::string_view text, size_t index) {
  size_t at = 0;
  while (index > 0 && at < text.size()) {
    at += SequenceLength(text[at]);
    --index;
  }
  return at < text.size() ? at : text.size();
}

char32_t NextCodePoint(std::string_view text, size_t& at) {
  UChar32 code_point = 0;
  const size_t size = text.size();
  U8_NEXT(reinterpret_cast<const uint8_t*>(text.data()), at, size, code_point);
  return code_point < 0 ? 0xFFFD : static_cast<char32_t>(code_point);
}

void AppendCodePoint(char32_t code_point, std::string& to) {
  char bytes[U8_MAX_LENGTH];
  size_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, code_point);
  to.append(bytes, size);
}

void UpperCase(std::string_view text, std::string& to) { MapCase(ucasemap_utf8ToUpper, text, to); }
void LowerCase(std::string_view text, std::string& to) { MapCase(ucasemap_utf8ToLower, text, to); }

void TitleCase(std::string_view text, std::string& to) {
  std::string lower;
  LowerCase(text, lower);
  to.clear();
  bool starts_word = true;
  for (size_t at = 0; at < lower.size();) {
    const size_t from = at;
    const char32_t code_point = NextCodePoint(lower, at);
    if (starts_word)
      AppendCodePoint(static_cast<char32_t>(u_totitle(static_cast<UChar32>(code_point))), to);
    else
      to.append(lower, from, at - from);
    starts_word = code_point == ' ';
  }
}

bool IsUpperLetter(char32_t code_point) { return u_isupper(static_cast<UChar32>(code_point)) != 0; }
bool IsLowerLetter(char32_t code_point) { return u_islower(static_cast<UChar32>(code_point)) != 0; }
bool IsDigit(char32_t code_point) { return u_isdigit(static_cast<UChar32>(code_point)) != 0; }

std::optional<std::string> ConvertCharset(const char* from, const char* to,
                                          std::string_view bytes) {
  const Converter source = OpenStrict(from);
  const Converter target = OpenStrict(to);
  std::string result(bytes.size() * 4 + 16, '\0');
  char* out = result.data();
  const char* in = bytes.data();
  UErrorCode error = U_ZERO_ERROR;
  ucnv_convertEx(target.get(), source.get(), &out, result.data() + result.size(), &in,
                 bytes.data() + bytes.size(), nullptr, nullptr, nullptr, nullptr, 1, 1, &error);
  if (U_FAILURE(error)) return std::nullopt;
  result.resize(static_cast<size_t>(out - result.data()));
  return result;
}

}  // namespace millrace
