// Functions of arrays. Elements are compared by their keys (engine/row_key.h), so that every
// element type works and NULL equals NULL where Spark says so.

#include <algorithm>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/functions/calendar.h"
#include "engine/functions/collections.h"
#include "engine/functions/interval_arithmetic.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"
#include "engine/functions/zones.h"
#include "engine/row_key.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnBuilder;
using data::ColumnPtr;
using data::TypeKind;
using Text = std::string_view;

constexpr size_t kElementsMax = 1'000'000;

const ColumnPtr& ElementsOf(const KernelCall& call, size_t arg = 0) {
  return call.args[arg]->children()[0];
}

// Calls f(row, range, cell) for each row of a list whose arguments are all there.
template <typename F>
void ForEachList(KernelCall& call, Cell& cell, F&& f) {
  call.rows.ForEach([&](size_t row) {
    cell.MoveTo(row);
    if (!cell.HasNullArgument()) f(row, RangeOf(*call.args[0], row));
  });
}

// A result of one element a row: its child row, or NULL.
class Picker {
 public:
  explicit Picker(KernelCall& call) : call_(call), rows_(call.length, kNone) {}
  void Pick(size_t row, size_t child_row) { rows_[row] = static_cast<uint32_t>(child_row); }
  ColumnPtr Finish(const ColumnPtr& child) && {
    const auto null_row = static_cast<uint32_t>(child->length());
    std::ranges::replace(rows_, kNone, null_row);
    return Column::Take(Column::Flatten(WithNullRow(child)), rows_);
  }
  KernelCall& call() { return call_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  KernelCall& call_;
  std::vector<uint32_t> rows_;
};

// A Cell for kernels that build their result elsewhere: only its errors and NULL tests are used.
struct Errors {
  explicit Errors(KernelCall& call) : unused(data::DataType::Boolean(), 0), cell(call, unused) {}
  ColumnBuilder unused;
  Cell cell;
};

Result<Kernel> MakeArray(const sql::Expr&) {
  return Kernel([](KernelCall& call) -> ColumnPtr {
    if (call.args.empty()) {
      ColumnBuilder out(call.type, call.length);
      out.SetChildren({ColumnBuilder(data::DataType::Null(), 0).Finish()});
      return std::move(out).Finish();
    }
    // Element i of row r is row i * length + r of the arguments put together.
    ListBuilder out(call);
    call.rows.ForEach([&](size_t row) {
      out.StartRow(row);
      for (size_t i = 0; i < call.args.size(); ++i) out.Add(i * call.length + row);
    });
    return std::move(out).Finish({Column::Flatten(Column::Concat(call.args))});
  });
}

ColumnPtr Size(KernelCall& call) {
  return Map<int32_t>(call, [&](Cell& cell) { return RangeOf(*call.args[0], cell.row()).size(); });
}

// Which child row an index means, or nullopt outside.
std::optional<size_t> At(Range range, int64_t index, bool from_one) {
  const auto size = static_cast<int64_t>(range.size());
  if (from_one) index = index > 0 ? index - 1 : size + index;
  if (index < 0 || index >= size) return std::nullopt;
  return range.from + static_cast<size_t>(index);
}

enum class Outside : uint8_t { kNull, kFailAt, kFailIndex };

ColumnPtr ElementByIndex(KernelCall& call, bool from_one, Outside outside) {
  Picker picker(call);
  Errors errors(call);
  const data::Reader<int32_t> indexes(*call.args[1]);
  ForEachList(call, errors.cell, [&](size_t row, Range range) {
    const int32_t index = indexes[row];
    if (from_one && index == 0)
      return errors.cell.Fail("INVALID_INDEX_OF_ZERO", "the index 0 is invalid: it starts at 1");
    if (const auto at = At(range, index, from_one)) return picker.Pick(row, *at);
    if (outside == Outside::kNull) return;
    errors.cell.Fail(
        outside == Outside::kFailAt ? "INVALID_ARRAY_INDEX_IN_ELEMENT_AT" : "INVALID_ARRAY_INDEX",
        fmt::format("the index {} is outside an array of {} elements. Use `{}` to "
                    "give NULL instead.",
                    index, range.size(), from_one ? "try_element_at" : "get"));
  });
  return std::move(picker).Finish(ElementsOf(call));
}

ColumnPtr ValueOfKey(KernelCall& call) {
  Picker picker(call);
  Errors errors(call);
  const Column& keys = *call.args[0]->children()[0];
  ForEachList(call, errors.cell, [&](size_t row, Range range) {
    const std::string wanted = KeyAt(*call.args[1], row);
    for (size_t i = range.from; i < range.to; ++i) {
      if (KeyAt(keys, i) == wanted) return picker.Pick(row, i);
    }
  });
  return std::move(picker).Finish(call.args[0]->children()[1]);
}

// element_at, try_element_at, a[i], get.
template <bool kFromOne, Outside kOutside>
Result<Kernel> MakeElementAt(const sql::Expr& call) {
  if (call.args[0]->type.kind() == TypeKind::kMap) return Kernel(ValueOfKey);
  const Outside outside = call.ansi ? kOutside : Outside::kNull;
  return Kernel([=](KernelCall& now) { return ElementByIndex(now, kFromOne, outside); });
}

ColumnPtr Position(KernelCall& call) {
  const Column& elements = *ElementsOf(call);
  return Map<int64_t>(call, [&](Cell& cell) -> int64_t {
    if (cell.HasNullArgument()) return 0;
    const Range range = RangeOf(*call.args[0], cell.row());
    const std::string wanted = KeyAt(*call.args[1], cell.row());
    for (size_t i = range.from; i < range.to; ++i) {
      if (KeyAt(elements, i) == wanted) return static_cast<int64_t>(i - range.from) + 1;
    }
    return 0;
  });
}

// NULL when the value is not found but an element is NULL.
ColumnPtr Contains(KernelCall& call) {
  const Column& elements = *ElementsOf(call);
  return Map<uint8_t>(call, [&](Cell& cell) {
    if (cell.HasNullArgument()) return false;
    const Range range = RangeOf(*call.args[0], cell.row());
    const std::string wanted = KeyAt(*call.args[1], cell.row());
    bool has_null = false;
    for (size_t i = range.from; i < range.to; ++i) {
      has_null = has_null || elements.IsNull(i);
      if (!elements.IsNull(i) && KeyAt(elements, i) == wanted) return true;
    }
    if (has_null) cell.SetNull();
    return false;
  });
}

template <bool kGreatest>
ColumnPtr Extreme(KernelCall& call) {
  Picker picker(call);
  Errors errors(call);
  const Column& elements = *ElementsOf(call);
  ForEachList(call, errors.cell, [&](size_t row, Range range) {
    std::optional<std::string> best;
    for (size_t i = range.from; i < range.to; ++i) {
      if (elements.IsNull(i)) continue;
      std::string key = KeyAt(elements, i);
      if (best && !(kGreatest ? *best < key : key < *best)) continue;
      best = std::move(key);
      picker.Pick(row, i);
    }
  });
  return std::move(picker).Finish(ElementsOf(call));
}

// Keeps elements: f(i) says whether child row i stays.
template <typename MakeTest>
ColumnPtr Keep(KernelCall& call, MakeTest&& make_test) {
  ListBuilder out(call);
  Errors errors(call);
  ForEachList(call, errors.cell, [&](size_t row, Range range) {
    out.StartRow(row);
    auto keeps = make_test(row);
    for (size_t i = range.from; i < range.to; ++i) {
      if (keeps(i)) out.Add(i);
    }
  });
  return std::move(out).Finish({ElementsOf(call)});
}

using KeySet = std::unordered_set<std::string>;

KeySet KeysIn(const Column& lists, size_t row) {
  KeySet keys;
  const Range range = RangeOf(lists, row);
  for (size_t i = range.from; i < range.to; ++i) keys.insert(KeyAt(*lists.children()[0], i));
  return keys;
}

ColumnPtr Distinct(KernelCall& call) {
  const Column& elements = *ElementsOf(call);
  return Keep(call, [&](size_t) {
    return [&elements, seen = KeySet()](size_t i) mutable {
      return seen.insert(KeyAt(elements, i)).second;
    };
  });
}

// array_intersect and array_except: distinct elements that the other array has, or has not.
template <bool kWanted>
ColumnPtr Against(KernelCall& call) {
  const Column& elements = *ElementsOf(call);
  return Keep(call, [&](size_t row) {
    return [&elements, other = KeysIn(*call.args[1], row), seen = KeySet()](size_t i) mutable {
      std::string key = KeyAt(elements, i);
      return other.contains(key) == kWanted && seen.insert(std::move(key)).second;
    };
  });
}

ColumnPtr Union(KernelCall& call) {
  const ColumnPtr parts[] = {ElementsOf(call, 0), ElementsOf(call, 1)};
  const ColumnPtr all = Column::Concat(parts);
  const size_t base = parts[0]->length();
  ListBuilder out(call);
  Errors errors(call);
  ForEachList(call, errors.cell, [&](size_t row, Range first) {
    out.StartRow(row);
    KeySet seen;
    const Range second = RangeOf(*call.args[1], row);
    const auto add = [&](size_t i) {
      if (seen.insert(KeyAt(*all, i)).second) out.Add(i);
    };
    for (size_t i = first.from; i < first.to; ++i) add(i);
    for (size_t i = second.from; i < second.to; ++i) add(base + i);
  });
  return std::move(out).Finish({all});
}

ColumnPtr Overlap(KernelCall& call) {
  return Map<uint8_t>(call, [&](Cell& cell) {
    if (cell.HasNullArgument()) return false;
    const KeySet left = KeysIn(*call.args[0], cell.row());
    const KeySet right = KeysIn(*call.args[1], cell.row());
    const std::string null_key(1, '\0');
    for (const std::string& key : left) {
      if (key != null_key && right.contains(key)) return true;
    }
    const bool unknown =
        !left.empty() && !right.empty() && (left.contains(null_key) || right.contains(null_key));
    if (unknown) cell.SetNull();
    return false;
  });
}

ColumnPtr Remove(KernelCall& call) {
  const Column& elements = *ElementsOf(call);
  return Keep(call, [&](size_t row) {
    return [&elements, wanted = KeyAt(*call.args[1], row)](size_t i) {
      return KeyAt(elements, i) != wanted;
    };
  });
}

ColumnPtr Compact(KernelCall& call) {
  const Column& elements = *ElementsOf(call);
  return Keep(call, [&](size_t) { return [&](size_t i) { return !elements.IsNull(i); }; });
}

ColumnPtr Slice(KernelCall& call) {
  ListBuilder out(call);
  Errors errors(call);
  const data::Reader<int32_t> starts(*call.args[1]);
  const data::Reader<int32_t> lengths(*call.args[2]);
  ForEachList(call, errors.cell, [&](size_t row, Range range) {
    out.StartRow(row);
    if (starts[row] == 0 || lengths[row] < 0) {
      return errors.cell.Fail(
          starts[row] == 0 ? "INVALID_PARAMETER_VALUE.START" : "INVALID_PARAMETER_VALUE.LENGTH",
          "slice: start must not be 0 and length not negative");
    }
    const auto from = At(range, starts[row], true);
    if (from) out.AddRange({*from, std::min(range.to, *from + static_cast<size_t>(lengths[row]))});
  });
  return std::move(out).Finish({ElementsOf(call)});
}

// Elements in the order of their keys.
ColumnPtr Sorted(KernelCall& call, bool nulls_last) {
  ListBuilder out(call);
  Errors errors(call);
  const Column& elements = *ElementsOf(call);
  const bool has_order = call.args.size() > 1;
  ForEachList(call, errors.cell, [&](size_t row, Range range) {
    out.StartRow(row);
    const bool ascending = !has_order || data::Reader<uint8_t>(*call.args[1])[row] != 0;
    std::vector<std::pair<std::string, size_t>> keyed;
    for (size_t i = range.from; i < range.to; ++i) {
      std::string key;
      AppendSortKey(elements, i, ascending, ascending != nulls_last, key);
      keyed.emplace_back(std::move(key), i);
    }
    std::ranges::stable_sort(keyed, {}, &std::pair<std::string, size_t>::first);
    for (const auto& [key, i] : keyed) out.Add(i);
  });
  return std::move(out).Finish({ElementsOf(call)});
}

ColumnPtr SortArray(KernelCall& call) { return Sorted(call, false); }

// The array's elements with one value more; NULL arrays stay NULL.
ColumnPtr Insert(KernelCall& call, size_t value_arg,
                 const std::function<std::optional<int64_t>(size_t, Range, Cell&)>& place) {
  const ColumnPtr values = Column::Flatten(call.args[value_arg]);
  const size_t base = ElementsOf(call)->length();
  const ColumnPtr parts[] = {ElementsOf(call), values};
  const ColumnPtr all = WithNullRow(Column::Concat(parts));
  const size_t null_row = base + values->length();
  ListBuilder out(call);
  Errors errors(call);
  call.rows.ForEach([&](size_t row) {
    errors.cell.MoveTo(row);
    const Range range = RangeOf(*call.args[0], row);
    const auto at = errors.cell.IsNull(0) ? std::nullopt : place(row, range, errors.cell);
    out.StartRow(row);
    if (!at) return out.SetNull(row);
    const auto size = static_cast<int64_t>(range.size());
    // Before the start: the value, NULLs, the array. Behind the end: the array, NULLs, the value.
    if (*at < 0) out.Add(base + row);
    for (int64_t i = *at; i < 0; ++i) out.Add(null_row);
    for (int64_t i = 0; i < size; ++i) {
      if (i == *at) out.Add(base + row);
      out.Add(range.from + static_cast<size_t>(i));
    }
    for (int64_t i = size; i < *at; ++i) out.Add(null_row);
    if (*at >= size) out.Add(base + row);
  });
  return std::move(out).Finish({all});
}

ColumnPtr Append(KernelCall& call) {
  return Insert(call, 1, [](size_t, Range range, Cell&) {
    return std::optional(static_cast<int64_t>(range.size()));
  });
}
ColumnPtr Prepend(KernelCall& call) {
  return Insert(call, 1, [](size_t, Range, Cell&) { return std::optional(int64_t{0}); });
}

// A place of -1 and below is before the start: so many NULLs stand between.
ColumnPtr InsertAt(KernelCall& call) {
  const data::Reader<int32_t> places(*call.args[1]);
  return Insert(call, 2, [&](size_t row, Range range, Cell& cell) -> std::optional<int64_t> {
    if (cell.IsNull(1)) return std::nullopt;
    const int64_t place = places[row];
    if (place == 0 || std::abs(place) > static_cast<int64_t>(kElementsMax)) {
      call.errors.Add(row, place == 0 ? "INVALID_INDEX_OF_ZERO" : "COLLECTION_SIZE_LIMIT_EXCEEDED",
                      fmt::format("array_insert: the position {} is invalid", place));
      return std::nullopt;
    }
    if (place > 0) return place - 1;
    const int64_t at = static_cast<int64_t>(range.size()) + place + 1;
    return at;
  });
}

ColumnPtr RepeatValue(KernelCall& call) {
  ListBuilder out(call);
  const data::Reader<int32_t> counts(*call.args[1]);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    if (call.args[1]->IsNull(row)) return out.SetNull(row);
    const auto count = static_cast<size_t>(std::max(counts[row], 0));
    if (count > kElementsMax) {
      call.errors.Add(row, "COLLECTION_SIZE_LIMIT_EXCEEDED",
                      fmt::format("array_repeat: over {} elements", kElementsMax));
      return;
    }
    for (size_t i = 0; i < count; ++i) out.Add(row);
  });
  return std::move(out).Finish({Column::Flatten(call.args[0])});
}

ColumnPtr Flatten(KernelCall& call) {
  const Column& inner = *ElementsOf(call);
  ListBuilder out(call);
  Errors errors(call);
  ForEachList(call, errors.cell, [&](size_t row, Range range) {
    out.StartRow(row);
    const size_t before = out.size();
    for (size_t i = range.from; i < range.to; ++i) {
      if (inner.IsNull(i)) {
        out.ShrinkTo(before);
        return out.SetNull(row);
      }
      out.AddRange(RangeOf(inner, i));
    }
  });
  return std::move(out).Finish({inner.children()[0]});
}

// Elements as text with NULLs left out or replaced.
ColumnPtr Join(KernelCall& call) {
  const Column& elements = *ElementsOf(call);
  const data::Reader<Text> texts(elements);
  const data::Reader<Text> delimiters(*call.args[1]);
  std::string joined;
  return Map<Text>(call, [&](Cell& cell) -> Text {
    if (cell.HasNullArgument()) return {};
    joined.clear();
    bool first = true;
    const Range range = RangeOf(*call.args[0], cell.row());
    for (size_t i = range.from; i < range.to; ++i) {
      if (elements.IsNull(i) && call.args.size() < 3) continue;
      if (!std::exchange(first, false)) joined += delimiters[cell.row()];
      joined += elements.IsNull(i) ? data::Reader<Text>(*call.args[2])[cell.row()] : texts[i];
    }
    return cell.Copy(joined);
  });
}

ColumnPtr Zip(KernelCall& call) {
  std::vector<ColumnPtr> children;
  for (size_t i = 0; i < call.args.size(); ++i)
    children.push_back(WithNullRow(ElementsOf(call, i)));
  std::vector<std::vector<uint32_t>> rows(call.args.size());
  ListBuilder out(call);
  Errors errors(call);
  ForEachList(call, errors.cell, [&](size_t row, Range) {
    out.StartRow(row);
    size_t longest = 0;
    for (const ColumnPtr& arg : call.args) longest = std::max(longest, RangeOf(*arg, row).size());
    for (size_t i = 0; i < longest; ++i) {
      out.Add(rows[0].size());
      for (size_t a = 0; a < call.args.size(); ++a) {
        const Range range = RangeOf(*call.args[a], row);
        const size_t null_row = children[a]->length() - 1;
        rows[a].push_back(static_cast<uint32_t>(i < range.size() ? range.from + i : null_row));
      }
    }
  });
  ColumnBuilder structs(call.type.element(), rows[0].size());
  std::vector<ColumnPtr> fields;
  for (size_t a = 0; a < rows.size(); ++a)
    fields.push_back(Column::Flatten(Column::Take(Column::Flatten(children[a]), rows[a])));
  structs.SetChildren(std::move(fields));
  return std::move(out).Finish({std::move(structs).Finish()});
}

const KernelRegistration kKernels[] = {
    {"array", MakeArray},
    {"size", Always(Size)},
    {"array_size", Always(Size)},
    {"element_at", MakeElementAt<true, Outside::kFailAt>},
    {"try_element_at", MakeElementAt<true, Outside::kNull>},
    {"element_at_index", MakeElementAt<false, Outside::kFailIndex>},
    {"get", MakeElementAt<false, Outside::kNull>},
    {"array_contains", Always(Contains)},
    {"array_position", Always(Position)},
    {"array_distinct", Always(Distinct)},
    {"array_union", Always(Union)},
    {"array_intersect", Always(Against<true>)},
    {"array_except", Always(Against<false>)},
    {"arrays_overlap", Always(Overlap)},
    {"array_join", Always(Join)},
    {"array_max", Always(Extreme<true>)},
    {"array_min", Always(Extreme<false>)},
    {"array_remove", Always(Remove)},
    {"array_compact", Always(Compact)},
    {"array_append", Always(Append)},
    {"array_prepend", Always(Prepend)},
    {"array_insert", Always(InsertAt)},
    {"array_repeat", Always(RepeatValue)},
    {"sort_array", Always(SortArray)},
    {"flatten", Always(Flatten)},
    {"slice", Always(Slice)},
    {"arrays_zip", Always(Zip)},
};

}  // namespace

ColumnPtr SortNullsLast(KernelCall& call) { return Sorted(call, true); }

std::span<const KernelRegistration> CollectionKernels() { return kKernels; }

}  // namespace millrace::engine
