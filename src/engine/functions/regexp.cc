// LIKE and regular expressions (RE2). Patterns that are literals are compiled once, when the query
// is; others once for each change from one row to the next.

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <re2/re2.h>

#include "base/unicode.h"
#include "engine/functions/collections.h"
#include "engine/functions/like_pattern.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"
#include "sql/regexp_pattern.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnBuilder;
using data::ColumnPtr;
using Text = std::string_view;
using Regexp = std::shared_ptr<const RE2>;

constexpr int64_t kProgramBytesMax = 8 << 20;

Regexp Compile(Text pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kProgramBytesMax);
  return std::make_shared<RE2>(sql::Re2Pattern(pattern), options);
}

// The pattern of a call: prepared when literal, else compiled when it changes.
class PatternCache {
 public:
  explicit PatternCache(Regexp literal) : literal_(std::move(literal)) {}

  // nullptr: not a pattern; the row has failed.
  const RE2* Find(Text pattern, Cell& cell) {
    if (literal_) return literal_.get();
    if (!last_ || last_pattern_ != pattern) {
      last_ = Compile(pattern);
      last_pattern_ = pattern;
    }
    if (last_->ok()) return last_.get();
    cell.Fail("INVALID_PARAMETER_VALUE.PATTERN", sql::BadRegexp(pattern, last_->error()));
    return nullptr;
  }

 private:
  Regexp literal_;
  Regexp last_;
  std::string last_pattern_;
};

// A factory of `loop`, which gets the literal pattern at argument 1, if it is one.
KernelFactory WithPattern(ColumnPtr (*loop)(KernelCall&, PatternCache&)) {
  return [loop](const sql::Expr& call) -> Result<Kernel> {
    Regexp literal;
    if (const std::string* pattern = LiteralText(call, 1)) {
      literal = Compile(*pattern);
      if (!literal->ok())  // too large a program: the binder has checked the rest
        return Fail(ErrorCode::kInvalidArgument, "{}", sql::BadRegexp(*pattern, literal->error()));
    }
    return Kernel([loop, literal](KernelCall& now) {
      PatternCache cache(literal);
      return loop(now, cache);
    });
  };
}

// Matches from `at` on; groups[0] is the whole match.
bool MatchFrom(const RE2& regexp, Text text, size_t at, re2::StringPiece* groups, int count) {
  return regexp.Match(re2::StringPiece(text.data(), text.size()), at, text.size(), RE2::UNANCHORED,
                      groups, count);
}
Text View(const re2::StringPiece& piece) {
  return piece.data() == nullptr ? Text{} : Text(piece.data(), piece.size());
}

// Calls f(groups) for each match, left to right; an empty match moves on by one character.
template <typename F>
void ForEachMatch(const RE2& regexp, Text text, int group_count, size_t from, F&& f) {
  std::vector<re2::StringPiece> groups(static_cast<size_t>(group_count) + 1);
  size_t at = from;
  while (at <= text.size() && MatchFrom(regexp, text, at, groups.data(), group_count + 1)) {
    f(std::span<const re2::StringPiece>(groups));
    const auto end = static_cast<size_t>(groups[0].data() + groups[0].size() - text.data());
    at = end;
    if (groups[0].empty()) at += end < text.size() ? SequenceLength(text[end]) : 1;
  }
}

ColumnPtr Rlike(KernelCall& call, PatternCache& cache) {
  return Map<uint8_t, Text, Text>(call, [&](Text text, Text pattern, Cell& cell) {
    const RE2* regexp = cache.Find(pattern, cell);
    return regexp != nullptr && MatchFrom(*regexp, text, 0, nullptr, 0);
  });
}

bool HasGroup(const RE2& regexp, int32_t group, Cell& cell) {
  if (group >= 0 && group <= regexp.NumberOfCapturingGroups()) return true;
  cell.Fail("INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX",
            fmt::format("group {} is not within 0 to {}", group, regexp.NumberOfCapturingGroups()));
  return false;
}

// The group number of argument 2, 1 when left out.
int32_t GroupOf(const KernelCall& call, size_t row) {
  return call.args.size() > 2 ? data::Reader<int32_t>(*call.args[2])[row] : 1;
}

ColumnPtr Extract(KernelCall& call, PatternCache& cache) {
  std::vector<re2::StringPiece> groups;
  return Map<Text, Text, Text>(call, [&](Text text, Text pattern, Cell& cell) -> Text {
    const RE2* regexp = cache.Find(pattern, cell);
    const int32_t group = GroupOf(call, cell.row());
    if (regexp == nullptr || !HasGroup(*regexp, group, cell)) return {};
    groups.assign(static_cast<size_t>(group) + 1, {});
    if (!MatchFrom(*regexp, text, 0, groups.data(), group + 1)) return {};
    return View(groups.back());
  });
}

// Collects views of strings, row after row, into an array column.
class TextLists {
 public:
  explicit TextLists(KernelCall& call) : call_(call), lists_(call) {}
  void StartRow(size_t row) { lists_.StartRow(row); }
  void Add(Text text) {
    lists_.Add(texts_.size());
    texts_.push_back(text);
  }
  ColumnPtr Finish() && {
    ColumnBuilder child(data::DataType::String(), texts_.size());
    std::ranges::copy(texts_, child.Values<Text>());
    child.AddOwnersOf(*call_.args[0]);
    return std::move(lists_).Finish({std::move(child).Finish()});
  }

 private:
  KernelCall& call_;
  ListBuilder lists_;
  std::vector<Text> texts_;
};

// Calls f(text, regexp, cell) for each row whose pattern is good.
template <typename F>
ColumnPtr MapToLists(KernelCall& call, PatternCache& cache, F&& f) {
  TextLists lists(call);
  const data::Reader<Text> texts(*call.args[0]);
  const data::Reader<Text> patterns(*call.args[1]);
  ColumnBuilder unused(data::DataType::Boolean(), call.length);
  Cell cell(call, unused);
  call.rows.ForEach([&](size_t row) {
    cell.MoveTo(row);
    lists.StartRow(row);
    if (cell.HasNullArgument()) return;
    if (const RE2* regexp = cache.Find(patterns[row], cell)) f(texts[row], *regexp, cell, lists);
  });
  return std::move(lists).Finish();
}

ColumnPtr ExtractAll(KernelCall& call, PatternCache& cache) {
  return MapToLists(call, cache, [&](Text text, const RE2& regexp, Cell& cell, TextLists& out) {
    const int32_t group = GroupOf(call, cell.row());
    if (!HasGroup(regexp, group, cell)) return;
    ForEachMatch(regexp, text, group, 0,
                 [&](auto groups) { out.Add(View(groups[static_cast<size_t>(group)])); });
  });
}

// split: with a positive limit at most so many parts; else all, as Java with limit -1.
ColumnPtr Split(KernelCall& call, PatternCache& cache) {
  return MapToLists(call, cache, [&](Text text, const RE2& regexp, Cell& cell, TextLists& out) {
    const int32_t limit =
        call.args.size() > 2 ? data::Reader<int32_t>(*call.args[2])[cell.row()] : -1;
    size_t start = 0;
    int32_t parts = 1;
    ForEachMatch(regexp, text, 0, 0, [&](auto groups) {
      const auto at = static_cast<size_t>(groups[0].data() - text.data());
      const bool empty = groups[0].empty();
      // Java: no empty leading part before an empty match, and none at the very end.
      if ((empty && (at == 0 || at >= text.size())) || (limit > 0 && parts >= limit)) return;
      out.Add(text.substr(start, at - start));
      start = at + groups[0].size();
      ++parts;
    });
    out.Add(text.substr(start));
  });
}

// Appends a Java replacement: $1, $12 (while such a group exists), \$ and \\.
bool AppendReplacement(Text replacement, std::span<const re2::StringPiece> groups,
                       std::string& to) {
  for (size_t i = 0; i < replacement.size(); ++i) {
    const char c = replacement[i];
    if (c == '\\' && i + 1 < replacement.size()) {
      to += replacement[++i];
      continue;
    }
    if (c != '$') {
      to += c;
      continue;
    }
    size_t group = 0;
    size_t digits = 0;
    for (; i + 1 < replacement.size() && replacement[i + 1] >= '0' && replacement[i + 1] <= '9';
         ++i, ++digits) {
      const size_t next = group * 10 + static_cast<size_t>(replacement[i + 1] - '0');
      if (digits > 0 && next >= groups.size()) break;
      group = next;
    }
    if (digits == 0 || group >= groups.size()) return false;
    to += View(groups[group]);
  }
  return true;
}

ColumnPtr ReplaceAll(KernelCall& call, PatternCache& cache) {
  std::string result;
  return Map<Text, Text, Text, Text>(
      call, [&](Text text, Text pattern, Text replacement, Cell& cell) -> Text {
        const RE2* regexp = cache.Find(pattern, cell);
        if (regexp == nullptr) return {};
        const int32_t position =
            call.args.size() > 3 ? data::Reader<int32_t>(*call.args[3])[cell.row()] : 1;
        size_t from = OffsetOfCodePoint(text, static_cast<size_t>(std::max(position, 1)) - 1);
        result.assign(text.substr(0, from));
        bool valid = true;
        ForEachMatch(*regexp, text, regexp->NumberOfCapturingGroups(), from, [&](auto groups) {
          const auto at = static_cast<size_t>(groups[0].data() - text.data());
          result.append(text, from, at - from);
          valid = valid && AppendReplacement(replacement, groups, result);
          from = at + groups[0].size();
        });
        if (!valid) {
          cell.Fail("INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX",
                    fmt::format("the replacement '{}' names a group that '{}' has not", replacement,
                                pattern));
          return {};
        }
        return cell.Copy(result.append(text, from));
      });
}

ColumnPtr Count(KernelCall& call, PatternCache& cache) {
  return Map<int32_t, Text, Text>(call, [&](Text text, Text pattern, Cell& cell) {
    int32_t count = 0;
    if (const RE2* regexp = cache.Find(pattern, cell))
      ForEachMatch(*regexp, text, 0, 0, [&](auto) { ++count; });
    return count;
  });
}

ColumnPtr Position(KernelCall& call, PatternCache& cache) {
  return Map<int32_t, Text, Text>(call, [&](Text text, Text pattern, Cell& cell) -> int32_t {
    const RE2* regexp = cache.Find(pattern, cell);
    re2::StringPiece found;
    if (regexp == nullptr || !MatchFrom(*regexp, text, 0, &found, 1)) return 0;
    const auto at = static_cast<size_t>(found.data() - text.data());
    return static_cast<int32_t>(CountCodePoints(text.substr(0, at))) + 1;
  });
}

ColumnPtr Substr(KernelCall& call, PatternCache& cache) {
  return Map<Text, Text, Text>(call, [&](Text text, Text pattern, Cell& cell) -> Text {
    const RE2* regexp = cache.Find(pattern, cell);
    re2::StringPiece found;
    if (regexp != nullptr && MatchFrom(*regexp, text, 0, &found, 1)) return View(found);
    cell.SetNull();
    return {};
  });
}

// LIKE with a pattern that changes from row to row.
template <bool kIgnoreCase>
ColumnPtr LikeLoop(KernelCall& call, const std::shared_ptr<const LikePattern>& literal) {
  if (literal) return Map<uint8_t, Text>(call, [&](Text text) { return literal->Matches(text); });
  std::string last;
  std::optional<LikePattern> compiled;
  return Map<uint8_t, Text, Text>(call, [&](Text text, Text pattern, Cell& cell) {
    const Text escape = call.args.size() > 2 ? data::Reader<Text>(*call.args[2])[cell.row()] : "\\";
    if (!compiled || last != pattern) {
      auto made = LikePattern::Make(pattern, escape, kIgnoreCase);
      if (!made) {
        cell.Fail("INVALID_FORMAT.ESC_AT_THE_END", made.error().message);
        return false;
      }
      compiled = *std::move(made);
      last = pattern;
    }
    return compiled->Matches(text);
  });
}

template <bool kIgnoreCase>
Result<Kernel> MakeLike(const sql::Expr& call) {
  std::shared_ptr<const LikePattern> literal;
  const std::string* pattern = LiteralText(call, 1);
  const std::string* escape = LiteralText(call, 2);
  if (pattern != nullptr && (call.args.size() < 3 || escape != nullptr)) {
    MR_ASSIGN(LikePattern made,
              LikePattern::Make(*pattern, escape != nullptr ? Text(*escape) : "\\", kIgnoreCase));
    literal = std::make_shared<const LikePattern>(std::move(made));
  }
  return Kernel([literal](KernelCall& now) { return LikeLoop<kIgnoreCase>(now, literal); });
}

const KernelRegistration kKernels[] = {
    {"like", MakeLike<false>},
    {"ilike", MakeLike<true>},
    {"rlike", WithPattern(Rlike)},
    {"regexp_extract", WithPattern(Extract)},
    {"regexp_extract_all", WithPattern(ExtractAll)},
    {"regexp_replace", WithPattern(ReplaceAll)},
    {"regexp_count", WithPattern(Count)},
    {"regexp_instr", WithPattern(Position)},
    {"regexp_substr", WithPattern(Substr)},
    {"split", WithPattern(Split)},
};

}  // namespace

std::span<const KernelRegistration> RegexpKernels() { return kKernels; }

}  // namespace millrace::engine
