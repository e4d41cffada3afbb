// Strings made of strings: letter case, parts, trimming, padding.

#include <algorithm>
#include <cstring>
#include <span>

#include "base/unicode.h"
#include "engine/functions/collections.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"
#include "engine/functions/short_copy.h"

namespace millrace::engine {
namespace {

using data::ColumnPtr;
using Text = std::string_view;

// No function makes a longer string, so that one row cannot take the machine's memory.
constexpr size_t kStringBytesMax = 16 << 20;

bool FitsString(size_t bytes, Cell& cell) {
  if (bytes <= kStringBytesMax) [[likely]]
    return true;
  cell.Fail("STRING_TOO_LONG", fmt::format("the result would have {} bytes, over the limit of {}",
                                           bytes, kStringBytesMax));
  return false;
}

// Passes the text on to `to` in words, `f(word)` of each; the last one overlaps the one before.
template <typename Word, typename F>
void ForEachWord(Text text, char* to, F&& f) {
  const auto pass = [&](size_t at) {
    Word word;
    std::memcpy(&word, text.data() + at, sizeof(word));
    word = f(word);
    std::memcpy(to + at, &word, sizeof(word));
  };
  for (size_t at = 0; at + sizeof(Word) < text.size(); at += sizeof(Word)) pass(at);
  pass(text.size() - sizeof(Word));
}

// Flips the case of the bytes `kFirst`..`kFirst`+25 of a word; adds its bytes to `seen`.
template <char kFirst, typename Word>
Word FlipWord(Word word, uint64_t& seen) {
  constexpr auto kEach = static_cast<Word>(0x0101010101010101);
  constexpr Word kHigh = kEach * 0x80;
  seen |= word;
  const Word low = word & ~kHigh;
  // A byte reaches its high bit from the first letter on, and behind the last one.
  const Word from_first = low + kEach * (0x80 - kFirst);
  const Word behind_last = low + kEach * (0x80 - kFirst - 26);
  return word ^ ((from_first & ~behind_last & ~word & kHigh) >> 2);
}

// Changes the case of ASCII text. Returns whether all was ASCII.
template <char kFirst>
bool FlipAscii(Text text, char* to) {
  uint64_t seen = 0;
  const auto flip = [&](auto word) { return FlipWord<kFirst>(word, seen); };
  if (text.size() >= 8) {
    ForEachWord<uint64_t>(text, to, flip);
  } else if (text.size() >= 4) {
    ForEachWord<uint32_t>(text, to, flip);
  } else {
    for (size_t i = 0; i < text.size(); ++i)
      to[i] = static_cast<char>(flip(uint64_t{static_cast<uint8_t>(text[i])}));
  }
  return (seen & 0x8080808080808080) == 0;
}

template <char kFirst, void (*kUnicode)(Text, std::string&)>
ColumnPtr ChangeCase(KernelCall& call) {
  std::string wide;
  return Map<Text, Text>(call, [&](Text text, Cell& cell) -> Text {
    char* at = cell.arena().Allocate(text.size());
    if (FlipAscii<kFirst>(text, at)) [[likely]]
      return {at, text.size()};
    cell.arena().ReturnTail(at);
    kUnicode(text, wide);
    return cell.Copy(wide);
  });
}

ColumnPtr InitCap(KernelCall& call) {
  std::string title;
  return Map<Text, Text>(call, [&](Text text, Cell& cell) {
    TitleCase(text, title);
    return cell.Copy(title);
  });
}

// Part of `text` from code point `pos` (1 is the first, negative counts from the end).
Text Substring(Text text, int64_t pos, int64_t length) {
  if (length <= 0) return {};
  int64_t start = pos > 0 ? pos - 1 : 0;
  if (pos < 0) {
    const auto count = static_cast<int64_t>(CountCodePoints(text));
    start = count + pos;
    // Before the start: those characters are counted, but are not there.
    if (start < 0) {
      length += start;
      start = 0;
      if (length <= 0) return {};
    }
  }
  const size_t from = OffsetOfCodePoint(text, static_cast<size_t>(start));
  text.remove_prefix(from);
  if (static_cast<uint64_t>(length) >= text.size()) return text;
  return text.substr(0, OffsetOfCodePoint(text, static_cast<size_t>(length)));
}

Text SubstringOfBytes(Text bytes, int64_t pos, int64_t length) {
  const auto size = static_cast<int64_t>(bytes.size());
  int64_t start = pos > 0 ? pos - 1 : pos < 0 ? size + pos : 0;
  const int64_t end = std::min(start + length, size);
  start = std::max<int64_t>(start, 0);
  if (start >= end) return {};
  return bytes.substr(static_cast<size_t>(start), static_cast<size_t>(end - start));
}

template <Text (*kPart)(Text, int64_t, int64_t)>
ColumnPtr SubstringLoop(KernelCall& call) {
  if (call.args.size() == 2) {
    return Map<Text, Text, int32_t>(
        call, [](Text text, int32_t pos) { return kPart(text, pos, INT32_MAX); });
  }
  return Map<Text, Text, int32_t, int32_t>(
      call, [](Text text, int32_t pos, int32_t length) { return kPart(text, pos, length); });
}

bool IsBinary(const sql::Expr& call) {
  return call.args[0]->type.kind() == data::TypeKind::kBinary;
}

Result<Kernel> MakeSubstring(const sql::Expr& call) {
  return IsBinary(call) ? Kernel(SubstringLoop<SubstringOfBytes>)
                        : Kernel(SubstringLoop<Substring>);
}

Result<Kernel> MakeLeft(const sql::Expr& call) {
  if (IsBinary(call)) {
    return Kernel([](KernelCall& now) {
      return Map<Text, Text, int32_t>(
          now, [](Text bytes, int32_t count) { return SubstringOfBytes(bytes, 1, count); });
    });
  }
  return Kernel([](KernelCall& now) {
    return Map<Text, Text, int32_t>(
        now, [](Text text, int32_t count) { return Substring(text, 1, count); });
  });
}

ColumnPtr Right(KernelCall& call) {
  return Map<Text, Text, int32_t>(call, [](Text text, int32_t count) {
    return count <= 0 ? Text{} : Substring(text, -int64_t{count}, count);
  });
}

// substring_index: byte offset of the count-th delimiter from the left, or from the right.
ColumnPtr SubstringIndex(KernelCall& call) {
  return Map<Text, Text, Text, int32_t>(call, [](Text text, Text delimiter, int32_t count) -> Text {
    if (delimiter.empty() || count == 0) return {};
    if (count > 0) {
      size_t at = Text::npos;
      for (int32_t found = 0; found < count; ++found) {
        at = text.find(delimiter, at == Text::npos ? 0 : at + 1);
        if (at == Text::npos) return text;
      }
      return text.substr(0, at);
    }
    size_t at = text.size();
    for (int32_t found = 0; found > count; --found) {
      if (at == 0) return text;
      at = text.rfind(delimiter, found == 0 ? Text::npos : at - 1);
      if (at == Text::npos) return text;
    }
    return text.substr(at + delimiter.size());
  });
}

enum Side : int { kLeading = 1, kTrailing = 2 };

// Whether the code point at [at, at + size) of `text` is one of `set`.
bool IsOneOf(Text character, Text set) { return set.find(character) != Text::npos; }

Text TrimSet(Text text, Text set, int sides) {
  if ((sides & kLeading) != 0) {
    while (!text.empty()) {
      const size_t size = std::min(SequenceLength(text[0]), text.size());
      if (!IsOneOf(text.substr(0, size), set)) break;
      text.remove_prefix(size);
    }
  }
  while ((sides & kTrailing) != 0 && !text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
    if (!IsOneOf(text.substr(start), set)) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

Text TrimSpaces(Text text, int sides) {
  if ((sides & kLeading) != 0)
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if ((sides & kTrailing) != 0) text = text.substr(0, text.find_last_not_of(' ') + 1);
  return text;
}

template <int kSides>
ColumnPtr Trim(KernelCall& call) {
  if (call.args.size() == 1)
    return Map<Text, Text>(call, [](Text text) { return TrimSpaces(text, kSides); });
  if (kSides == (kLeading | kTrailing))
    return Map<Text, Text, Text>(call,
                                 [](Text text, Text set) { return TrimSet(text, set, kSides); });
  // ltrim and rtrim take the characters first.
  return Map<Text, Text, Text>(call,
                               [](Text set, Text text) { return TrimSet(text, set, kSides); });
}

// `count` code points of `pad` repeated; what is left out of the last repetition is cut.
void AppendPadding(Text pad, size_t count, std::string& to) {
  const size_t pad_count = CountCodePoints(pad);
  for (; count >= pad_count; count -= pad_count) to += pad;
  to += pad.substr(0, OffsetOfCodePoint(pad, count));
}

template <bool kLeft>
ColumnPtr Pad(KernelCall& call) {
  std::string padded;
  const auto pad = [&](Text text, int32_t length, Text with, Cell& cell) -> Text {
    if (length <= 0) return {};
    const auto wanted = static_cast<size_t>(length);
    const size_t count = CountCodePoints(text);
    if (count >= wanted) return text.substr(0, OffsetOfCodePoint(text, wanted));
    if (with.empty()) return text;
    if (!FitsString(text.size() + (wanted - count) * 4, cell)) return {};
    padded.clear();
    if (!kLeft) padded += text;
    AppendPadding(with, wanted - count, padded);
    if (kLeft) padded += text;
    return cell.Copy(padded);
  };
  if (call.args.size() == 2) {
    return Map<Text, Text, int32_t>(
        call, [&](Text text, int32_t length, Cell& cell) { return pad(text, length, " ", cell); });
  }
  return Map<Text, Text, int32_t, Text>(call, pad);
}

Text RepeatInto(Text text, int32_t count, Cell& cell) {
  if (count <= 0 || text.empty()) return {};
  const size_t bytes = text.size() * static_cast<size_t>(count);
  if (!FitsString(bytes, cell)) return {};
  char* at = cell.arena().Allocate(bytes);
  for (size_t done = 0; done < bytes; done += text.size())
    std::memcpy(at + done, text.data(), text.size());
  return {at, bytes};
}

ColumnPtr Repeat(KernelCall& call) { return Map<Text, Text, int32_t>(call, RepeatInto); }

ColumnPtr Space(KernelCall& call) {
  return Map<Text, int32_t>(call,
                            [](int32_t count, Cell& cell) { return RepeatInto(" ", count, cell); });
}

ColumnPtr ReverseText(KernelCall& call) {
  return Map<Text, Text>(call, [](Text text, Cell& cell) -> Text {
    char* at = cell.arena().Allocate(text.size());
    for (size_t from = 0; from < text.size();) {
      const size_t size = std::min(SequenceLength(text[from]), text.size() - from);
      std::memcpy(at + text.size() - from - size, text.data() + from, size);
      from += size;
    }
    return {at, text.size()};
  });
}

ColumnPtr Replace(KernelCall& call) {
  std::string result;
  const auto replace = [&](Text text, Text search, Text by, Cell& cell) -> Text {
    size_t found = search.empty() ? Text::npos : text.find(search);
    if (found == Text::npos) return text;
    result.clear();
    size_t from = 0;
    for (; found != Text::npos; found = text.find(search, from)) {
      result.append(text, from, found - from).append(by);
      from = found + search.size();
      if (!FitsString(result.size(), cell)) return {};
    }
    return cell.Copy(result.append(text, from));
  };
  if (call.args.size() == 3) return Map<Text, Text, Text, Text>(call, replace);
  return Map<Text, Text, Text>(
      call, [&](Text text, Text search, Cell& cell) { return replace(text, search, {}, cell); });
}

ColumnPtr Translate(KernelCall& call) {
  std::string result;
  return Map<Text, Text, Text, Text>(call, [&](Text text, Text from, Text to, Cell& cell) {
    result.clear();
    for (size_t at = 0; at < text.size();) {
      const size_t size = std::min(SequenceLength(text[at]), text.size() - at);
      const Text character = text.substr(at, size);
      at += size;
      const size_t found = from.find(character);
      if (found == Text::npos) {
        result += character;
        continue;
      }
      const size_t index = CountCodePoints(from.substr(0, found));
      const Text rest = to.substr(OffsetOfCodePoint(to, index));
      if (!rest.empty()) result += rest.substr(0, SequenceLength(rest[0]));
    }
    return cell.Copy(result);
  });
}

// overlay: the characters before pos, the replacement, the characters from pos + length.
ColumnPtr Overlay(KernelCall& call) {
  const auto overlay = [](Text text, Text by, int32_t pos, int64_t length, Cell& cell) -> Text {
    if (length < 0) length = static_cast<int64_t>(CountCodePoints(by));
    const Text before = Substring(text, 1, int64_t{pos} - 1);
    const Text after = Substring(text, int64_t{pos} + length, INT32_MAX);
    char* at = cell.arena().Allocate(before.size() + by.size() + after.size());
    Put(after, Put(by, Put(before, at)));
    return {at, before.size() + by.size() + after.size()};
  };
  if (call.args.size() == 4) return Map<Text, Text, Text, int32_t, int32_t>(call, overlay);
  return Map<Text, Text, Text, int32_t>(call, [&](Text text, Text by, int32_t pos, Cell& cell) {
    return overlay(text, by, pos, -1, cell);
  });
}

Result<Kernel> MakeReverse(const sql::Expr& call) {
  return call.type.kind() == data::TypeKind::kArray ? Kernel(ReverseArrays) : Kernel(ReverseText);
}

const KernelRegistration kKernels[] = {
    {"reverse", MakeReverse},
    {"upper", Always(ChangeCase<'a', UpperCase>)},
    {"lower", Always(ChangeCase<'A', LowerCase>)},
    {"initcap", Always(InitCap)},
    {"substring", MakeSubstring},
    {"left", MakeLeft},
    {"right", Always(Right)},
    {"substring_index", Always(SubstringIndex)},
    {"trim", Always(Trim<kLeading | kTrailing>)},
    {"ltrim", Always(Trim<kLeading>)},
    {"rtrim", Always(Trim<kTrailing>)},
    {"lpad", Always(Pad<true>)},
    {"rpad", Always(Pad<false>)},
    {"repeat", Always(Repeat)},
    {"space", Always(Space)},
    {"replace", Always(Replace)},
    {"translate", Always(Translate)},
    {"overlay", Always(Overlay)},
};

}  // namespace

std::span<const KernelRegistration> StringKernels() { return kKernels; }

}  // namespace millrace::engine
