// Questions about strings: lengths, positions, parts by delimiter, tests and measures.

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "base/unicode.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::ColumnPtr;
using Text = std::string_view;

Result<Kernel> MakeLength(const sql::Expr& call) {
  if (call.args[0]->type.kind() == data::TypeKind::kBinary) {
    return Kernel([](KernelCall& now) {
      return Map<int32_t, Text>(now, [](Text bytes) { return bytes.size(); });
    });
  }
  return Kernel([](KernelCall& now) { return Map<int32_t, Text>(now, CountCodePoints); });
}

template <int kFactor>
ColumnPtr ByteLength(KernelCall& call) {
  return Map<int32_t, Text>(call, [](Text text) { return text.size() * kFactor; });
}

// First occurrence; the first byte is looked for with memchr, which beats a general search on the
// short texts of records.
size_t Find(Text text, Text part, size_t from = 0) {
  if (part.empty()) return from <= text.size() ? from : Text::npos;
  if (part.size() == 1) return text.find(part[0], from);
  const char* const end = text.data() + text.size();
  for (const char* at = text.data() + std::min(from, text.size());
       static_cast<size_t>(end - at) >= part.size(); ++at) {
    at = static_cast<const char*>(
        std::memchr(at, part[0], static_cast<size_t>(end - at) - part.size() + 1));
    if (at == nullptr) return Text::npos;
    if (std::memcmp(at, part.data(), part.size()) == 0)
      return static_cast<size_t>(at - text.data());
  }
  return Text::npos;
}

// Position in code points, from 1; 0 for "not found".
int32_t PositionOf(Text text, size_t at) {
  return at == Text::npos ? 0 : static_cast<int32_t>(CountCodePoints(text.substr(0, at))) + 1;
}

ColumnPtr Instr(KernelCall& call) {
  return Map<int32_t, Text, Text>(
      call, [](Text text, Text part) { return PositionOf(text, Find(text, part)); });
}

ColumnPtr Locate(KernelCall& call) {
  if (call.args.size() == 2) {
    return Map<int32_t, Text, Text>(
        call, [](Text part, Text text) { return PositionOf(text, Find(text, part)); });
  }
  return Map<int32_t, Text, Text, int32_t>(call, [](Text part, Text text, int32_t pos) {
    if (pos < 1) return 0;
    const size_t from = OffsetOfCodePoint(text, static_cast<size_t>(pos) - 1);
    if (static_cast<size_t>(pos) - 1 > CountCodePoints(text)) return 0;
    return PositionOf(text, Find(text, part, from));
  });
}

// Part `n` < 0 of the text. A delimiter of one byte cannot overlap itself, so it can be looked for
// from the end.
Text PartFromEnd(Text text, char delimiter, int32_t n) {
  size_t end = text.size();
  while (true) {
    const void* found = end == 0 ? nullptr : ::memrchr(text.data(), delimiter, end);
    const size_t begin =
        found == nullptr ? 0
                         : static_cast<size_t>(static_cast<const char*>(found) - text.data()) + 1;
    if (++n == 0) return text.substr(begin, end - begin);
    if (begin == 0) return {};
    end = begin - 1;
  }
}

// Part `n` of the text; an empty delimiter splits nothing.
Text PartOf(Text text, Text delimiter, int32_t n) {
  if (delimiter.empty()) return n == 1 || n == -1 ? text : Text{};
  if (n < 0 && delimiter.size() == 1) return PartFromEnd(text, delimiter[0], n);
  if (n > 0) {
    size_t from = 0;
    for (int32_t part = 1;; ++part) {
      const size_t end = Find(text, delimiter, from);
      if (part == n) return text.substr(from, end == Text::npos ? Text::npos : end - from);
      if (end == Text::npos) return {};
      from = end + delimiter.size();
    }
  }
  // From the end, the parts must be counted from the start: delimiters may overlap.
  int64_t parts = 1;
  for (size_t at = Find(text, delimiter); at != Text::npos;
       at = Find(text, delimiter, at + delimiter.size()))
    ++parts;
  const int64_t index = parts + n + 1;
  return index < 1 ? Text{} : PartOf(text, delimiter, static_cast<int32_t>(index));
}

ColumnPtr SplitPart(KernelCall& call) {
  return Map<Text, Text, Text, int32_t>(
      call, [](Text text, Text delimiter, int32_t n, Cell& cell) -> Text {
        if (n == 0) [[unlikely]] {
          cell.Fail("INVALID_INDEX_OF_ZERO", "the part number 0 is invalid: parts count from 1");
          return {};
        }
        return PartOf(text, delimiter, n);
      });
}

ColumnPtr StartsWith(KernelCall& call) {
  return Map<uint8_t, Text, Text>(call,
                                  [](Text text, Text part) { return text.starts_with(part); });
}
ColumnPtr EndsWith(KernelCall& call) {
  return Map<uint8_t, Text, Text>(call, [](Text text, Text part) { return text.ends_with(part); });
}
ColumnPtr Contains(KernelCall& call) {
  return Map<uint8_t, Text, Text>(
      call, [](Text text, Text part) { return Find(text, part) != Text::npos; });
}

ColumnPtr FindInSet(KernelCall& call) {
  return Map<int32_t, Text, Text>(call, [](Text text, Text list) {
    if (text.find(',') != Text::npos) return 0;
    int32_t position = 1;
    for (;; ++position) {
      const size_t comma = list.find(',');
      if (list.substr(0, comma) == text) return position;
      if (comma == Text::npos) return 0;
      list.remove_prefix(comma + 1);
    }
  });
}

// Words beyond this are not compared: the work grows with the product of both lengths.
constexpr size_t kLevenshteinPointsMax = 10'000;

void CodePointsOf(Text text, std::u32string& to) {
  to.clear();
  for (size_t at = 0; at < text.size();) to += NextCodePoint(text, at);
}

struct EditDistance {
  std::u32string left{};
  std::u32string right{};
  std::vector<int32_t> row{};

  int32_t Of(Text a, Text b) {
    CodePointsOf(a, left);
    CodePointsOf(b, right);
    row.resize(right.size() + 1);
    for (size_t j = 0; j <= right.size(); ++j) row[j] = static_cast<int32_t>(j);
    for (size_t i = 1; i <= left.size(); ++i) {
      int32_t diagonal = row[0];
      row[0] = static_cast<int32_t>(i);
      for (size_t j = 1; j <= right.size(); ++j) {
        const int32_t changed = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min(changed, std::min(row[j], row[j - 1]) + 1);
      }
    }
    return row[right.size()];
  }
};

ColumnPtr Levenshtein(KernelCall& call) {
  EditDistance distance;
  const auto measure = [&](Text a, Text b, Cell& cell) {
    if (a.size() > kLevenshteinPointsMax || b.size() > kLevenshteinPointsMax) {
      cell.Fail("STRING_TOO_LONG",
                fmt::format("levenshtein compares at most {} bytes", kLevenshteinPointsMax));
      return 0;
    }
    return distance.Of(a, b);
  };
  if (call.args.size() == 2) return Map<int32_t, Text, Text>(call, measure);
  return Map<int32_t, Text, Text, int32_t>(call,
                                           [&](Text a, Text b, int32_t threshold, Cell& cell) {
                                             const int32_t edits = measure(a, b, cell);
                                             return edits > threshold ? -1 : edits;
                                           });
}

// The soundex digit of a letter; '0' for vowels, '7' for h and w, which do not part equal digits.
constexpr char kSoundexDigits[] = "01230127022455012623017202";

ColumnPtr Soundex(KernelCall& call) {
  return Map<Text, Text>(call, [](Text text, Cell& cell) -> Text {
    const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
    const auto is_letter = [&](char c) { return upper(c) >= 'A' && upper(c) <= 'Z'; };
    if (text.empty() || !is_letter(text[0])) return text;
    char code[] = "0000";
    code[0] = upper(text[0]);
    char last = kSoundexDigits[code[0] - 'A'];
    size_t filled = 1;
    for (size_t i = 1; i < text.size() && filled < 4; ++i) {
      if (!is_letter(text[i])) {
        last = '0';
        continue;
      }
      const char digit = kSoundexDigits[upper(text[i]) - 'A'];
      if (digit == '7') continue;
      if (digit != '0' && digit != last) code[filled++] = digit;
      last = digit;
    }
    return cell.Copy({code, 4});
  });
}

ColumnPtr Ascii(KernelCall& call) {
  return Map<int32_t, Text>(call, [](Text text) -> int32_t {
    size_t at = 0;
    return text.empty() ? 0 : static_cast<int32_t>(NextCodePoint(text, at));
  });
}

ColumnPtr LuhnCheck(KernelCall& call) {
  return Map<uint8_t, Text>(call, [](Text digits) {
    int sum = 0;
    bool doubled = false;
    for (size_t i = digits.size(); i > 0; --i) {
      const char c = digits[i - 1];
      if (c < '0' || c > '9') return false;
      const int digit = (c - '0') * (doubled ? 2 : 1);
      sum += digit > 9 ? digit - 9 : digit;
      doubled = !doubled;
    }
    return !digits.empty() && sum % 10 == 0;
  });
}

ColumnPtr IsValid(KernelCall& call) { return Map<uint8_t, Text>(call, IsValidUtf8); }

const KernelRegistration kKernels[] = {
    {"length", MakeLength},
    {"octet_length", Always(ByteLength<1>)},
    {"bit_length", Always(ByteLength<8>)},
    {"instr", Always(Instr)},
    {"locate", Always(Locate)},
    {"split_part", Always(SplitPart)},
    {"startswith", Always(StartsWith)},
    {"endswith", Always(EndsWith)},
    {"contains", Always(Contains)},
    {"find_in_set", Always(FindInSet)},
    {"levenshtein", Always(Levenshtein)},
    {"soundex", Always(Soundex)},
    {"ascii", Always(Ascii)},
    {"luhn_check", Always(LuhnCheck)},
    {"is_valid_utf8", Always(IsValid)},
};

}  // namespace

std::span<const KernelRegistration> TextSearchKernels() { return kKernels; }

}  // namespace millrace::engine
