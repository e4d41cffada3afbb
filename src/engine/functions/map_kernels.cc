// Functions of maps and structs. Keys are compared by their keys' bytes (engine/row_key.h); a key
// given twice is DUPLICATED_MAP_KEY and a NULL key NULL_MAP_KEY, as Spark has it by default.

#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "engine/functions/collections.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnBuilder;
using data::ColumnPtr;
using Text = std::string_view;

// Notes a NULL or repeated key of `row`.
class KeyCheck {
 public:
  KeyCheck(KernelCall& call, size_t row) : call_(call), row_(row) {}
  // Whether the key may be added.
  bool Add(const Column& keys, size_t at) {
    if (keys.IsNull(at)) {
      call_.errors.Add(row_, "NULL_MAP_KEY", "a map cannot have NULL as key");
      return false;
    }
    if (seen_.insert(KeyAt(keys, at)).second) return true;
    call_.errors.Add(row_, "DUPLICATED_MAP_KEY", "the map would have a key twice");
    return false;
  }

 private:
  KernelCall& call_;
  size_t row_;
  std::unordered_set<std::string> seen_;
};

bool AnyNull(const KernelCall& call, size_t row) {
  for (const ColumnPtr& arg : call.args) {
    if (arg->IsNull(row)) return true;
  }
  return false;
}

ColumnPtr MakeMap(KernelCall& call) {
  std::vector<ColumnPtr> keys;
  std::vector<ColumnPtr> values;
  for (size_t i = 0; i < call.args.size(); ++i)
    (i % 2 == 0 ? keys : values).push_back(call.args[i]);
  if (keys.empty()) return Column::Constant(call.type, data::Value::MapOf({}), call.length);
  const ColumnPtr all_keys = Column::Flatten(Column::Concat(keys));
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    KeyCheck check(call, row);
    for (size_t i = 0; i < keys.size(); ++i) {
      const size_t at = i * call.length + row;
      if (check.Add(*all_keys, at)) out.Add(at);
    }
  });
  return std::move(out).Finish({all_keys, Column::Flatten(Column::Concat(values))});
}

// An array of one child of the map, sharing the offsets' meaning.
template <size_t kChild>
ColumnPtr Part(KernelCall& call) {
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    out.AddRange(RangeOf(*call.args[0], row));
  });
  return std::move(out).Finish({call.args[0]->children()[kChild]});
}

ColumnPtr Entries(KernelCall& call) {
  const auto& children = call.args[0]->children();
  ColumnBuilder structs(call.type.element(), children[0]->length());
  structs.SetChildren({Column::Flatten(children[0]), Column::Flatten(children[1])});
  const ColumnPtr entries = std::move(structs).Finish();
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    out.AddRange(RangeOf(*call.args[0], row));
  });
  return std::move(out).Finish({entries});
}

ColumnPtr ContainsKey(KernelCall& call) {
  const Column& keys = *call.args[0]->children()[0];
  return Map<uint8_t>(call, [&](Cell& cell) {
    if (cell.HasNullArgument()) return false;
    const std::string wanted = KeyAt(*call.args[1], cell.row());
    const Range range = RangeOf(*call.args[0], cell.row());
    for (size_t i = range.from; i < range.to; ++i) {
      if (KeyAt(keys, i) == wanted) return true;
    }
    return false;
  });
}

ColumnPtr FromArrays(KernelCall& call) {
  const ColumnPtr& keys = call.args[0]->children()[0];
  const ColumnPtr& values = call.args[1]->children()[0];
  std::vector<uint32_t> value_rows;
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    if (AnyNull(call, row)) return;
    const Range from = RangeOf(*call.args[0], row);
    const Range to = RangeOf(*call.args[1], row);
    if (from.size() != to.size()) {
      call.errors.Add(row, "MAP_FROM_ARRAYS_LENGTH_MISMATCH",
                      fmt::format("{} keys but {} values", from.size(), to.size()));
      return;
    }
    KeyCheck check(call, row);
    for (size_t i = 0; i < from.size(); ++i) {
      if (!check.Add(*keys, from.from + i)) continue;
      out.Add(from.from + i);
      value_rows.push_back(static_cast<uint32_t>(to.from + i));
    }
  });
  // The values taken in the keys' order; their rows then are those of the taken keys.
  const ColumnPtr taken_keys = Column::Flatten(Column::Take(keys, out.rows()));
  const ColumnPtr taken_values = Column::Flatten(Column::Take(values, value_rows));
  for (size_t i = 0; i < out.rows().size(); ++i) out.rows()[i] = static_cast<uint32_t>(i);
  return std::move(out).Finish({taken_keys, taken_values});
}

ColumnPtr FromEntries(KernelCall& call) {
  const ColumnPtr entries = Column::Flatten(call.args[0]->children()[0]);
  const ColumnPtr& keys = entries->children()[0];
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    if (AnyNull(call, row)) return;
    const Range range = RangeOf(*call.args[0], row);
    KeyCheck check(call, row);
    const size_t before = out.size();
    for (size_t i = range.from; i < range.to; ++i) {
      if (entries->IsNull(i)) {
        out.ShrinkTo(before);
        return out.SetNull(row);
      }
      if (check.Add(*keys, i)) out.Add(i);
    }
  });
  return std::move(out).Finish({keys, entries->children()[1]});
}

ColumnPtr ConcatMaps(KernelCall& call) {
  std::vector<ColumnPtr> keys;
  std::vector<ColumnPtr> values;
  std::vector<size_t> bases;
  size_t base = 0;
  for (const ColumnPtr& arg : call.args) {
    keys.push_back(arg->children()[0]);
    values.push_back(arg->children()[1]);
    bases.push_back(base);
    base += keys.back()->length();
  }
  const ColumnPtr all_keys = Column::Concat(keys);
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    if (AnyNull(call, row)) return;
    KeyCheck check(call, row);
    for (size_t m = 0; m < call.args.size(); ++m) {
      const Range range = RangeOf(*call.args[m], row);
      for (size_t i = bases[m] + range.from; i < bases[m] + range.to; ++i) {
        if (check.Add(*all_keys, i)) out.Add(i);
      }
    }
  });
  return std::move(out).Finish({all_keys, Column::Concat(values)});
}

// str_to_map: the pairs' texts are views of the argument.
ColumnPtr FromText(KernelCall& call) {
  const data::Reader<Text> texts(*call.args[0]);
  const auto delimiter = [&](size_t arg, size_t row, Text otherwise) {
    return call.args.size() > arg ? data::Reader<Text>(*call.args[arg])[row] : otherwise;
  };
  std::vector<Text> keys;
  std::vector<std::optional<Text>> values;
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    if (AnyNull(call, row)) return;
    Text rest = texts[row];
    const Text between = delimiter(1, row, ",");
    const Text inside = delimiter(2, row, ":");
    std::unordered_set<Text> seen;
    for (bool more = true; more;) {
      const size_t end = between.empty() ? Text::npos : rest.find(between);
      const Text pair = rest.substr(0, end);
      more = end != Text::npos;
      if (more) rest.remove_prefix(end + between.size());
      const size_t split = inside.empty() ? Text::npos : pair.find(inside);
      if (!seen.insert(pair.substr(0, split)).second) {
        call.errors.Add(row, "DUPLICATED_MAP_KEY",
                        fmt::format("the key '{}' is given twice", pair.substr(0, split)));
        return;
      }
      out.Add(keys.size());
      keys.push_back(pair.substr(0, split));
      values.push_back(split == Text::npos ? std::nullopt
                                           : std::optional(pair.substr(split + inside.size())));
    }
  });
  ColumnBuilder key_column(data::DataType::String(), keys.size());
  ColumnBuilder value_column(data::DataType::String(), values.size());
  key_column.AddOwnersOf(*call.args[0]);
  value_column.AddOwnersOf(*call.args[0]);
  for (size_t i = 0; i < keys.size(); ++i) {
    key_column.Values<Text>()[i] = keys[i];
    if (values[i])
      value_column.Values<Text>()[i] = *values[i];
    else
      value_column.SetNull(i);
  }
  return std::move(out).Finish({std::move(key_column).Finish(), std::move(value_column).Finish()});
}

// struct(a, b) takes every argument, named_struct('x', a, ...) every second.
template <size_t kStep>
ColumnPtr MakeStruct(KernelCall& call) {
  ColumnBuilder out(call.type, call.length);
  std::vector<ColumnPtr> fields;
  for (size_t i = kStep - 1; i < call.args.size(); i += kStep)
    fields.push_back(Column::Flatten(call.args[i]));
  out.SetChildren(std::move(fields));
  return std::move(out).Finish();
}

const KernelRegistration kKernels[] = {
    {"map", Always(MakeMap)},
    {"map_keys", Always(Part<0>)},
    {"map_values", Always(Part<1>)},
    {"map_entries", Always(Entries)},
    {"map_contains_key", Always(ContainsKey)},
    {"map_from_arrays", Always(FromArrays)},
    {"map_from_entries", Always(FromEntries)},
    {"map_concat", Always(ConcatMaps)},
    {"str_to_map", Always(FromText)},
    {"struct", Always(MakeStruct<1>)},
    {"named_struct", Always(MakeStruct<2>)},
};

}  // namespace

std::span<const KernelRegistration> MapKernels() { return kKernels; }

}  // namespace millrace::engine
