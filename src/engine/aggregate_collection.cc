// Aggregates that keep all values they saw: collect_list in the rows' order, and sets of distinct
// values (count, sum, avg DISTINCT, collect_set in the values' order).
#include <algorithm>
#include <set>

#include "engine/aggregate_states.h"
#include "engine/row_key.h"

namespace millrace::engine {

using data::Column;
using data::ColumnPtr;
using data::DataType;
using data::RowSet;
using data::Value;
using sql::AggregateCall;
using sql::AggregateKind;

namespace {

// Of a set's or list's node on the heap, roughly.
constexpr size_t kEntryBytes = 64;

struct Listed {
  RowPlace place;
  std::string value;  // a row key
  friend auto operator<=>(const Listed&, const Listed&) = default;
};

// NULLs are left out, as Spark does.
class ListStates : public StatesOf<std::vector<Listed>> {
 public:
  explicit ListStates(const AggregateCall& call) : type_(call.type) {}

  void Update(const AggregateInput& input) override {
    ForEachRow(input, [&](size_t row, std::vector<Listed>& list) {
      if (input.args[0]->IsNull(row)) return;
      Listed& item = list.emplace_back();
      item.place = PlaceOf(input, row);
      AppendKey(*input.args[0], row, item.value);
      extra_bytes_ += kEntryBytes + item.value.size();
    });
  }
  void Merge(size_t into, const AggregateStates& from, size_t state) override {
    for (const Listed& item : Of(from, state)) Append(into, item);
  }
  void Reset(size_t state) override {
    for (const Listed& item : states_[state]) extra_bytes_ -= kEntryBytes + item.value.size();
    StatesOf::Reset(state);
  }
  void Serialize(size_t state, std::string& to) const override {
    AppendVarint(to, states_[state].size());
    for (const Listed& item : states_[state]) {
      AppendLittle(to, item.place.partition);
      AppendLittle(to, item.place.offset);
      AppendLittle(to, item.place.ordinal);
      AppendSized(item.value, to);
    }
  }
  Status MergeSerialized(size_t into, std::string_view& bytes) override {
    ByteReader reader(bytes);
    for (uint64_t left = reader.Varint(); left > 0; --left) {
      Listed item;
      item.place.partition = reader.Little<int32_t>();
      item.place.offset = reader.Little<int64_t>();
      item.place.ordinal = reader.Little<uint32_t>();
      item.value = TakeSized(reader);
      ByteReader value(item.value);
      if (!reader.ok() || !ReadKey(type_.element(), value)) return DamagedState("collect_list");
      Append(into, item);
    }
    if (!reader.ok()) return DamagedState("collect_list");
    bytes = reader.Rest();
    return {};
  }
  ColumnPtr Finish(std::span<const uint32_t> states, data::RowErrors&) const override {
    std::vector<Value> rows;
    for (const uint32_t state : states) {
      std::vector<Listed> sorted = states_[state];
      std::ranges::sort(sorted);
      Value::List items;
      for (const Listed& item : sorted) {
        ByteReader reader(item.value);
        items.push_back(ReadKey(type_.element(), reader).value_or(Value::Null()));
      }
      rows.push_back(Value::ListOf(std::move(items)));
    }
    return data::ColumnFromValues(type_, rows);
  }

 private:
  void Append(size_t into, const Listed& item) {
    states_[into].push_back(item);
    extra_bytes_ += kEntryBytes + item.value.size();
  }

  DataType type_;
};

// A set of row keys; what is made of it at the end depends on the kind.
class DistinctStates : public StatesOf<std::set<std::string, std::less<>>> {
 public:
  DistinctStates(const AggregateCall& call, std::unique_ptr<AggregateFunction> folded)
      : call_(call), folded_(std::move(folded)) {}

  void Update(const AggregateInput& input) override {
    std::string key;
    ForEachRow(input, [&](size_t row, auto& values) {
      if (AnyNull(input.args, row)) return;
      key.clear();
      for (const ColumnPtr& arg : input.args) AppendKey(*arg, row, key);
      Insert(values, key);
    });
  }
  void Merge(size_t into, const AggregateStates& from, size_t state) override {
    for (const std::string& key : Of(from, state)) Insert(states_[into], key);
  }
  void Reset(size_t state) override {
    for (const std::string& key : states_[state]) extra_bytes_ -= kEntryBytes + key.size();
    StatesOf::Reset(state);
  }
  void Serialize(size_t state, std::string& to) const override {
    AppendVarint(to, states_[state].size());
    for (const std::string& key : states_[state]) AppendSized(key, to);
  }
  Status MergeSerialized(size_t into, std::string_view& bytes) override {
    ByteReader reader(bytes);
    for (uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
      const std::string_view key = TakeSized(reader);
      ByteReader value(key);
      for (const auto& arg : call_.args) {
        if (!ReadKey(arg->type, value)) return DamagedState("a set of distinct values");
      }
      Insert(states_[into], key);
    }
    if (!reader.ok()) return DamagedState("a set of distinct values");
    bytes = reader.Rest();
    return {};
  }
  ColumnPtr Finish(std::span<const uint32_t> states, data::RowErrors& errors) const override {
    if (folded_) return Fold(states, errors);
    std::vector<Value> rows;
    for (const uint32_t state : states) {
      rows.push_back(call_.kind == AggregateKind::kCollectSet
                         ? Value::ListOf(ValuesOf(state))
                         : Value::Int(static_cast<int64_t>(states_[state].size())));
    }
    return data::ColumnFromValues(call_.type, rows);
  }

 private:
  template <typename Key>
  void Insert(std::set<std::string, std::less<>>& values, const Key& key) {
    if (values.contains(key)) return;
    extra_bytes_ += kEntryBytes + key.size();
    values.emplace(key);
  }
  Value::List ValuesOf(size_t state) const {
    Value::List items;
    for (const std::string& key : states_[state]) {
      ByteReader reader(key);
      items.push_back(ReadKey(call_.args[0]->type, reader).value_or(Value::Null()));
    }
    return items;
  }
  // sum and avg over the distinct values.
  ColumnPtr Fold(std::span<const uint32_t> states, data::RowErrors& errors) const {
    const auto sums = folded_->NewStates();
    sums->Resize(states.size());
    std::vector<uint32_t> numbers(states.size());
    for (uint32_t i = 0; i < states.size(); ++i) {
      numbers[i] = i;
      const ColumnPtr values = data::ColumnFromValues(call_.args[0]->type, ValuesOf(states[i]));
      const std::vector<uint32_t> groups(values->length(), i);
      const RowSet rows = RowSet::All(values->length());
      sums->Update(
          {.args = {&values, 1}, .groups = groups, .rows = rows, .offsets = {}, .ordinals = {}});
    }
    return sums->Finish(numbers, errors);
  }

  AggregateCall call_;
  std::unique_ptr<AggregateFunction> folded_;
};

}  // namespace

std::unique_ptr<AggregateStates> NewCollectionStates(const AggregateCall& call) {
  switch (call.kind) {
    case AggregateKind::kCollectList:
      return std::make_unique<ListStates>(call);
    case AggregateKind::kCollectSet:
    case AggregateKind::kCountDistinct:
      return std::make_unique<DistinctStates>(call, nullptr);
    case AggregateKind::kSumDistinct:
    case AggregateKind::kAvgDistinct: {
      AggregateCall folded = call;
      folded.kind =
          call.kind == AggregateKind::kSumDistinct ? AggregateKind::kSum : AggregateKind::kAvg;
      auto function = AggregateFunction::Make(folded);
      if (!function) return nullptr;
      return std::make_unique<DistinctStates>(call, std::move(*function));
    }
    default:
      return nullptr;
  }
}

}  // namespace millrace::engine
