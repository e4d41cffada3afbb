// Functions that take lambdas. All elements of all rows go through the lambda at once, as columns;
// only aggregate(), whose steps depend on each other, goes element by element.

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/functions/collections.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnBuilder;
using data::ColumnPtr;
using data::DataType;

bool AnyNull(const KernelCall& call, size_t row) {
  for (const ColumnPtr& arg : call.args) {
    if (arg->IsNull(row)) return true;
  }
  return false;
}

// The elements of a list column's rows: which child row, of which outer row, at which position.
struct Elements {
  std::vector<uint32_t> child_rows;
  std::vector<uint32_t> outer_rows;
  ColumnPtr index;  // INT, from 0

  explicit Elements(const KernelCall& call) {
    std::vector<int32_t> positions;
    call.rows.ForEach([&](size_t row) {
      if (AnyNull(call, row)) return;
      const Range range = RangeOf(*call.args[0], row);
      for (size_t i = range.from; i < range.to; ++i) {
        child_rows.push_back(static_cast<uint32_t>(i));
        outer_rows.push_back(static_cast<uint32_t>(row));
        positions.push_back(static_cast<int32_t>(i - range.from));
      }
    });
    ColumnBuilder out(DataType::Int(), positions.size());
    std::ranges::copy(positions, out.Values<int32_t>());
    index = std::move(out).Finish();
  }
  ColumnPtr Take(const ColumnPtr& child) const {
    return Column::Flatten(Column::Take(child, child_rows));
  }
};

// How many parameters the lambda at SQL argument `index` has.
size_t ParametersOf(const sql::Expr& call, size_t index) {
  return call.args[index]->parameters.size();
}

// The lambda over the elements of argument 0: (element[, index]) of arrays, (key, value) of maps.
ColumnPtr ApplyToElements(KernelCall& call, const Elements& elements, size_t parameters) {
  const auto& children = call.args[0]->children();
  std::vector<ColumnPtr> values = {elements.Take(children[0])};
  if (children.size() == 2) values.push_back(elements.Take(children[1]));
  if (values.size() < parameters) values.push_back(elements.index);
  values.resize(std::min(values.size(), std::max<size_t>(parameters, 1)));
  return Column::Flatten(call.apply(0, values, elements.outer_rows));
}

using ElementKernel = ColumnPtr (*)(KernelCall&, size_t parameters);

KernelFactory WithLambda(ElementKernel kernel) {
  return [kernel](const sql::Expr& call) -> Result<Kernel> {
    const size_t parameters = ParametersOf(call, call.args.size() - 1);
    return Kernel([=](KernelCall& now) { return kernel(now, parameters); });
  };
}

// Calls f(row, first element, end) with each row's range in `elements`.
template <typename F>
void ForEachGroup(const KernelCall& call, const Elements& elements, F&& f) {
  size_t at = 0;
  call.rows.ForEach([&](size_t row) {
    const size_t from = at;
    while (at < elements.outer_rows.size() && elements.outer_rows[at] == row) ++at;
    f(row, from, at);
  });
}

// One list a row of the elements' rows that `keeps`, over `children` taken in element order.
template <typename F>
ColumnPtr Regroup(KernelCall& call, const Elements& elements, std::vector<ColumnPtr> children,
                  F&& keeps) {
  ListBuilder out(call);
  ForEachGroup(call, elements, [&](size_t row, size_t from, size_t to) {
    out.StartRow(row);
    for (size_t i = from; i < to; ++i) {
      if (keeps(i)) out.Add(i);
    }
  });
  return std::move(out).Finish(std::move(children));
}

ColumnPtr Transform(KernelCall& call, size_t parameters) {
  const Elements elements(call);
  const ColumnPtr results = ApplyToElements(call, elements, parameters);
  return Regroup(call, elements, {results}, [](size_t) { return true; });
}

bool IsTrue(const Column& flags, size_t row) {
  return !flags.IsNull(row) && data::Reader<uint8_t>(flags)[row] != 0;
}

ColumnPtr Filter(KernelCall& call, size_t parameters) {
  const Elements elements(call);
  const ColumnPtr flags = ApplyToElements(call, elements, parameters);
  std::vector<ColumnPtr> children;
  for (const ColumnPtr& child : call.args[0]->children()) children.push_back(elements.Take(child));
  return Regroup(call, elements, std::move(children), [&](size_t i) { return IsTrue(*flags, i); });
}

// exists (deciding value true) and forall (false), three-valued.
template <bool kDeciding>
ColumnPtr Quantify(KernelCall& call, size_t parameters) {
  const Elements elements(call);
  const ColumnPtr flags = ApplyToElements(call, elements, parameters);
  const data::Reader<uint8_t> values(*flags);
  ColumnBuilder out(call.type, call.length);
  ForEachGroup(call, elements, [&](size_t row, size_t from, size_t to) {
    bool unknown = false;
    bool decided = false;
    for (size_t i = from; i < to; ++i) {
      if (flags->IsNull(i))
        unknown = true;
      else
        decided = decided || (values[i] != 0) == kDeciding;
    }
    out.Values<uint8_t>()[row] = decided == kDeciding ? 1 : 0;
    if (unknown && !decided) out.SetNull(row);
  });
  return std::move(out).Finish();
}

ColumnPtr TransformValues(KernelCall& call, size_t parameters) {
  const Elements elements(call);
  const ColumnPtr values = ApplyToElements(call, elements, parameters);
  return Regroup(call, elements, {elements.Take(call.args[0]->children()[0]), values},
                 [](size_t) { return true; });
}

// Drops what `keys` has twice or as NULL in one row, noting the row's error.
class KeyGuard {
 public:
  KeyGuard(KernelCall& call, const Elements& elements, const Column& keys)
      : call_(call), elements_(elements), keys_(keys) {}
  bool operator()(size_t i) {
    const uint32_t row = elements_.outer_rows[i];
    if (row != row_) seen_.clear();
    row_ = row;
    if (keys_.IsNull(i)) {
      call_.errors.Add(row, "NULL_MAP_KEY", "a map cannot have NULL as key");
      return false;
    }
    std::string key = KeyAt(keys_, i);
    if (std::ranges::find(seen_, key) != seen_.end()) {
      call_.errors.Add(row, "DUPLICATED_MAP_KEY", "the map would have a key twice");
      return false;
    }
    seen_.push_back(std::move(key));
    return true;
  }

 private:
  KernelCall& call_;
  const Elements& elements_;
  const Column& keys_;
  uint32_t row_ = UINT32_MAX;
  std::vector<std::string> seen_;
};

ColumnPtr TransformKeys(KernelCall& call, size_t parameters) {
  const Elements elements(call);
  const ColumnPtr keys = ApplyToElements(call, elements, parameters);
  return Regroup(call, elements, {keys, elements.Take(call.args[0]->children()[1])},
                 KeyGuard(call, elements, *keys));
}

ColumnPtr ZipWith(KernelCall& call, size_t) {
  const ColumnPtr sides[] = {Column::Flatten(WithNullRow(call.args[0]->children()[0])),
                             Column::Flatten(WithNullRow(call.args[1]->children()[0]))};
  std::vector<uint32_t> picked[2];
  std::vector<uint32_t> outer_rows;
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    if (AnyNull(call, row)) return;
    const Range ranges[] = {RangeOf(*call.args[0], row), RangeOf(*call.args[1], row)};
    for (size_t i = 0; i < std::max(ranges[0].size(), ranges[1].size()); ++i) {
      for (size_t side = 0; side < 2; ++side) {
        const size_t null_row = sides[side]->length() - 1;
        picked[side].push_back(
            static_cast<uint32_t>(i < ranges[side].size() ? ranges[side].from + i : null_row));
      }
      out.Add(outer_rows.size());
      outer_rows.push_back(static_cast<uint32_t>(row));
    }
  });
  const ColumnPtr values[] = {Column::Flatten(Column::Take(sides[0], picked[0])),
                              Column::Flatten(Column::Take(sides[1], picked[1]))};
  return std::move(out).Finish({Column::Flatten(call.apply(0, values, outer_rows))});
}

// Every key of either map, with its values (NULL where a map has it not).
ColumnPtr ZipMaps(KernelCall& call, size_t) {
  const auto& a = call.args[0]->children();
  const auto& b = call.args[1]->children();
  const ColumnPtr key_parts[] = {a[0], b[0]};
  const ColumnPtr keys = Column::Flatten(Column::Concat(key_parts));
  const ColumnPtr left = Column::Flatten(WithNullRow(a[1]));
  const ColumnPtr right = Column::Flatten(WithNullRow(b[1]));
  const auto left_null = static_cast<uint32_t>(left->length() - 1);
  const auto right_null = static_cast<uint32_t>(right->length() - 1);
  std::vector<uint32_t> key_rows, left_rows, right_rows, outer_rows;
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    if (AnyNull(call, row)) return;
    const size_t first = key_rows.size();
    const auto add = [&](size_t key, uint32_t l, uint32_t r) {
      out.Add(key_rows.size());
      key_rows.push_back(static_cast<uint32_t>(key));
      left_rows.push_back(l);
      right_rows.push_back(r);
      outer_rows.push_back(static_cast<uint32_t>(row));
    };
    const Range from_a = RangeOf(*call.args[0], row);
    for (size_t i = from_a.from; i < from_a.to; ++i) add(i, static_cast<uint32_t>(i), right_null);
    const size_t end_of_a = key_rows.size();
    const Range from_b = RangeOf(*call.args[1], row);
    for (size_t i = from_b.from; i < from_b.to; ++i) {
      const std::string key = KeyAt(*b[0], i);
      size_t at = first;
      while (at < end_of_a && KeyAt(*keys, key_rows[at]) != key) ++at;
      if (at < end_of_a)
        right_rows[at] = static_cast<uint32_t>(i);
      else
        add(a[0]->length() + i, left_null, static_cast<uint32_t>(i));
    }
  });
  const ColumnPtr values[] = {Column::Flatten(Column::Take(keys, key_rows)),
                              Column::Flatten(Column::Take(left, left_rows)),
                              Column::Flatten(Column::Take(right, right_rows))};
  return std::move(out).Finish({values[0], Column::Flatten(call.apply(0, values, outer_rows))});
}

// aggregate(): step s merges element s of every row that has so many.
ColumnPtr Aggregate(KernelCall& call) {
  const Column& lists = *call.args[0];
  const ColumnPtr& elements = lists.children()[0];
  std::vector<uint32_t> open;
  ColumnBuilder nulls(DataType::Boolean(), call.length);
  call.rows.ForEach([&](size_t row) {
    if (lists.IsNull(row))
      nulls.SetNull(row);
    else if (RangeOf(lists, row).size() > 0)
      open.push_back(static_cast<uint32_t>(row));
  });
  ColumnPtr state = Column::Flatten(call.args[1]);
  for (size_t step = 0; !open.empty(); ++step) {
    std::vector<uint32_t> child_rows;
    for (const uint32_t row : open)
      child_rows.push_back(static_cast<uint32_t>(RangeOf(lists, row).from + step));
    const ColumnPtr values[] = {Column::Flatten(Column::Take(state, open)),
                                Column::Flatten(Column::Take(elements, child_rows))};
    const ColumnPtr parts[] = {state, Column::Flatten(call.apply(0, values, open))};
    // Row r keeps its state, unless it is open: then it has the merged one.
    std::vector<uint32_t> from(call.length);
    for (size_t row = 0; row < call.length; ++row) from[row] = static_cast<uint32_t>(row);
    for (size_t i = 0; i < open.size(); ++i) from[open[i]] = static_cast<uint32_t>(call.length + i);
    state = Column::Take(Column::Concat(parts), from);
    std::erase_if(open, [&](uint32_t row) {
      return call.errors.Has(row) || RangeOf(lists, row).size() <= step + 1;
    });
  }
  const ColumnPtr masks[] = {std::move(nulls).Finish()};
  return Column::WithNullsOf(std::move(state), masks);
}

ColumnPtr AggregateAndFinish(KernelCall& call) {
  std::vector<uint32_t> rows;
  call.rows.ForEach([&](size_t row) { rows.push_back(static_cast<uint32_t>(row)); });
  const ColumnPtr state = Column::Flatten(Aggregate(call));
  const ColumnPtr values[] = {Column::Flatten(Column::Take(state, rows))};
  const ColumnPtr finished = Column::Flatten(call.apply(1, values, rows));
  std::vector<uint32_t> from(call.length, static_cast<uint32_t>(rows.size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!call.args[0]->IsNull(rows[i])) from[rows[i]] = static_cast<uint32_t>(i);
  }
  return Column::Take(Column::Flatten(WithNullRow(finished)), from);
}

Result<Kernel> MakeAggregate(const sql::Expr& call) {
  return call.args.size() == 4 ? Kernel(AggregateAndFinish) : Kernel(Aggregate);
}

// array_sort by a comparing lambda: all pairs of a row's elements are compared at once.
constexpr size_t kComparedMax = 500;

// The elements of `range` in the lambda's order. An element's place is how many must stand before
// it, so that no contradiction of the lambda can mislead. None when the lambda gives NULL for two
// elements.
std::optional<std::vector<size_t>> OrderBy(KernelCall& call, const ColumnPtr& elements,
                                           uint32_t row, Range range) {
  std::vector<uint32_t> a_rows, b_rows;
  for (size_t i = range.from; i < range.to; ++i) {
    for (size_t j = range.from; j < range.to; ++j) {
      a_rows.push_back(static_cast<uint32_t>(i));
      b_rows.push_back(static_cast<uint32_t>(j));
    }
  }
  const ColumnPtr values[] = {Column::Flatten(Column::Take(elements, a_rows)),
                              Column::Flatten(Column::Take(elements, b_rows))};
  const std::vector<uint32_t> outer_rows(a_rows.size(), row);
  const ColumnPtr orders = call.apply(0, values, outer_rows);
  const data::Reader<int32_t> order(*orders);
  std::vector<std::pair<size_t, size_t>> places;
  for (size_t i = 0; i < range.size(); ++i) {
    size_t before = 0;
    for (size_t j = 0; j < range.size(); ++j) {
      const size_t pair = j * range.size() + i;
      if (i != j && orders->IsNull(pair)) return std::nullopt;
      before += i != j && order[pair] < 0 ? 1 : 0;
    }
    places.emplace_back(before, range.from + i);
  }
  std::ranges::sort(places);
  std::vector<size_t> ordered;
  for (const auto& [before, i] : places) ordered.push_back(i);
  return ordered;
}

ColumnPtr SortBy(KernelCall& call, size_t) {
  const ColumnPtr& elements = call.args[0]->children()[0];
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    if (AnyNull(call, row)) return;
    const Range range = RangeOf(*call.args[0], row);
    if (range.size() > kComparedMax) {
      call.errors.Add(row, "COLLECTION_SIZE_LIMIT_EXCEEDED",
                      fmt::format("array_sort with a lambda takes {} elements", kComparedMax));
      return;
    }
    const auto ordered = OrderBy(call, elements, static_cast<uint32_t>(row), range);
    if (!ordered) {
      call.errors.Add(
          row, "COMPARATOR_RETURNS_NULL",
          "the lambda of array_sort gives NULL for two elements; it must give a number");
      return;
    }
    for (const size_t i : *ordered) out.Add(i);
  });
  return std::move(out).Finish({elements});
}

Result<Kernel> MakeArraySort(const sql::Expr& call) {
  if (call.args.size() == 1) return Kernel(SortNullsLast);
  return WithLambda(SortBy)(call);
}

const KernelRegistration kKernels[] = {
    {"transform", WithLambda(Transform)},
    {"filter", WithLambda(Filter)},
    {"exists", WithLambda(Quantify<true>)},
    {"forall", WithLambda(Quantify<false>)},
    {"aggregate", MakeAggregate},
    {"zip_with", WithLambda(ZipWith)},
    {"array_sort", MakeArraySort},
    {"map_filter", WithLambda(Filter)},
    {"transform_values", WithLambda(TransformValues)},
    {"transform_keys", WithLambda(TransformKeys)},
    {"map_zip_with", WithLambda(ZipMaps)},
};

}  // namespace

std::span<const KernelRegistration> LambdaKernels() { return kKernels; }

}  // namespace millrace::engine
