// Aggregates that count how often they saw each value: percentile (and median) and mode.
#include <cmath>
#include <map>

#include "engine/aggregate_states.h"
#include "engine/row_key.h"

namespace millrace::engine {

using data::Column;
using data::ColumnPtr;
using data::DataType;
using data::Value;
using sql::AggregateCall;
using sql::AggregateKind;

namespace {

// Of a map's node on the heap, roughly.
constexpr size_t kEntryBytes = 72;

// Row key of a value, in the values' order, to how often it came. NULLs are left out.
using Counted = std::map<std::string, uint64_t, std::less<>>;

class CountedStates : public StatesOf<Counted> {
 public:
  explicit CountedStates(const AggregateCall& call) : call_(call) {}

  void Update(const AggregateInput& input) override {
    const Column& column = *input.args[0];
    std::string key;
    ForEachRow(input, [&](size_t row, Counted& counts) {
      if (column.IsNull(row)) return;
      key.clear();
      AppendKey(column, row, key);
      Add(counts, key, 1);
    });
  }
  void Merge(size_t into, const AggregateStates& from, size_t state) override {
    for (const auto& [key, count] : Of(from, state)) Add(states_[into], key, count);
  }
  void Reset(size_t state) override {
    for (const auto& [key, count] : states_[state]) extra_bytes_ -= kEntryBytes + key.size();
    StatesOf::Reset(state);
  }
  void Serialize(size_t state, std::string& to) const override {
    AppendVarint(to, states_[state].size());
    for (const auto& [key, count] : states_[state]) {
      AppendSized(key, to);
      AppendVarint(to, count);
    }
  }
  Status MergeSerialized(size_t into, std::string_view& bytes) override {
    ByteReader reader(bytes);
    for (uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
      const std::string_view key = TakeSized(reader);
      const uint64_t count = reader.Varint();
      ByteReader value(key);
      if (!reader.ok() || count == 0 || !ReadKey(call_.args[0]->type, value))
        return DamagedState("percentile or mode");
      Add(states_[into], key, count);
    }
    if (!reader.ok()) return DamagedState("percentile or mode");
    bytes = reader.Rest();
    return {};
  }
  ColumnPtr Finish(std::span<const uint32_t> states, data::RowErrors&) const override {
    std::vector<Value> rows;
    for (const uint32_t state : states) {
      const Counted& counts = states_[state];
      const bool mode = call_.kind == AggregateKind::kMode;
      rows.push_back(counts.empty() ? Value::Null() : mode ? Mode(counts) : Percentile(counts));
    }
    return data::ColumnFromValues(call_.type, rows);
  }

 private:
  void Add(Counted& counts, std::string_view key, uint64_t count) {
    auto at = counts.lower_bound(key);
    if (at == counts.end() || at->first != key) {
      at = counts.emplace_hint(at, key, 0);
      extra_bytes_ += kEntryBytes + key.size();
    }
    at->second += count;
  }
  Value ValueOf(std::string_view key) const {
    ByteReader reader(key);
    return ReadKey(call_.args[0]->type, reader).value_or(Value::Null());
  }

  // The least of the most frequent values.
  Value Mode(const Counted& counts) const {
    auto best = counts.begin();
    for (auto at = counts.begin(); at != counts.end(); ++at)
      if (at->second > best->second) best = at;
    return ValueOf(best->first);
  }

  // Linear between the two values around the place, as Spark computes it.
  Value Percentile(const Counted& counts) const {
    uint64_t total = 0;
    for (const auto& [key, count] : counts) total += count;
    const double place = static_cast<double>(total - 1) * call_.args[1]->literal.real();
    const double lower = std::floor(place);
    const double higher = std::ceil(place);
    const double low = NumberAt(counts, static_cast<uint64_t>(lower));
    const double high = NumberAt(counts, static_cast<uint64_t>(higher));
    if (lower == higher || low == high) return Value::Double(low);
    return Value::Double((higher - place) * low + (place - lower) * high);
  }
  double NumberAt(const Counted& counts, uint64_t place) const {
    for (const auto& [key, count] : counts) {
      if (place < count) return ValueOf(key).real();
      place -= count;
    }
    return ValueOf(counts.rbegin()->first).real();
  }

  AggregateCall call_;
};

}  // namespace

std::unique_ptr<AggregateStates> NewCountedStates(const AggregateCall& call) {
  if (call.kind != AggregateKind::kMode && call.kind != AggregateKind::kPercentile) return nullptr;
  return std::make_unique<CountedStates>(call);
}

}  // namespace millrace::engine
