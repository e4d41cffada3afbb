// Aggregates that give one of the values they saw, chosen by a row key: min and max of strings and
// nested values, min_by, max_by, first, last, any_value.
#include "engine/aggregate_states.h"
#include "engine/row_key.h"

namespace millrace::engine {

using data::Column;
using data::ColumnPtr;
using data::DataType;
using sql::AggregateCall;
using sql::AggregateKind;

namespace {

// The chosen value, and what it was chosen by: the rank first, then the place, the earlier wins
// (`last` the later).
struct Chosen {
  bool present = false;
  std::string rank;
  RowPlace place;
  std::string value;  // a row key
};

class ChosenStates : public StatesOf<Chosen> {
 public:
  explicit ChosenStates(const AggregateCall& call) : call_(call) {
    greatest_ = call.kind == AggregateKind::kMax || call.kind == AggregateKind::kMaxBy;
    latest_ = call.kind == AggregateKind::kLast;
    by_other_ = call.kind == AggregateKind::kMinBy || call.kind == AggregateKind::kMaxBy;
    by_value_ = call.kind == AggregateKind::kMin || call.kind == AggregateKind::kMax;
    skips_nulls_ = by_value_ || (!by_other_ && call.ignore_nulls);
  }

  void Update(const AggregateInput& input) override {
    const Column& column = *input.args[0];
    Chosen candidate{.present = true, .rank = {}, .place = {}, .value = {}};
    ForEachRow(input, [&](size_t row, Chosen& state) {
      if (skips_nulls_ && column.IsNull(row)) return;
      if (by_other_ && input.args[1]->IsNull(row)) return;
      candidate.place = PlaceOf(input, row);
      candidate.rank.clear();
      if (by_other_) AppendKey(*input.args[1], row, candidate.rank);
      if (by_value_) AppendKey(column, row, candidate.rank);
      if (!IsBetter(candidate, state)) return;
      candidate.value.clear();
      if (!by_value_) AppendKey(column, row, candidate.value);
      Replace(state, candidate);
    });
  }
  void Merge(size_t into, const AggregateStates& from, size_t state) override {
    const Chosen& other = Of(from, state);
    if (other.present && IsBetter(other, states_[into])) Replace(states_[into], other);
  }
  void Reset(size_t state) override {
    extra_bytes_ -= BytesOf(states_[state]);
    StatesOf::Reset(state);
  }
  void Serialize(size_t state, std::string& to) const override {
    const Chosen& chosen = states_[state];
    to.push_back(chosen.present ? 1 : 0);
    if (!chosen.present) return;
    AppendSized(chosen.rank, to);
    AppendLittle(to, chosen.place.partition);
    AppendLittle(to, chosen.place.offset);
    AppendLittle(to, chosen.place.ordinal);
    AppendSized(chosen.value, to);
  }
  Status MergeSerialized(size_t into, std::string_view& bytes) override {
    ByteReader reader(bytes);
    const auto present = reader.Little<uint8_t>();
    if (present == 1) {
      Chosen other{
          .present = true, .rank = std::string(TakeSized(reader)), .place = {}, .value = {}};
      other.place.partition = reader.Little<int32_t>();
      other.place.offset = reader.Little<int64_t>();
      other.place.ordinal = reader.Little<uint32_t>();
      other.value = TakeSized(reader);
      ByteReader value(ValueOf(other));
      if (!reader.ok() || !ReadKey(call_.args[0]->type, value)) return DamagedState("a value");
      if (IsBetter(other, states_[into])) Replace(states_[into], other);
    }
    if (!reader.ok() || present > 1) return DamagedState("a value");
    bytes = reader.Rest();
    return {};
  }
  ColumnPtr Finish(std::span<const uint32_t> states, data::RowErrors&) const override {
    std::vector<data::Value> values;
    for (const uint32_t state : states) {
      const Chosen& chosen = states_[state];
      ByteReader reader(ValueOf(chosen));
      values.push_back(chosen.present
                           ? ReadKey(call_.args[0]->type, reader).value_or(data::Value::Null())
                           : data::Value::Null());
    }
    return data::ColumnFromValues(call_.type, values);
  }

 private:
  static size_t BytesOf(const Chosen& chosen) {
    return chosen.rank.capacity() + chosen.value.capacity();
  }
  const std::string& ValueOf(const Chosen& chosen) const {
    return by_value_ ? chosen.rank : chosen.value;
  }
  bool IsBetter(const Chosen& candidate, const Chosen& held) const {
    if (!held.present) return true;
    if (const int order = candidate.rank.compare(held.rank); order != 0)
      return greatest_ ? order > 0 : order < 0;
    return latest_ ? candidate.place > held.place : candidate.place < held.place;
  }
  void Replace(Chosen& held, const Chosen& candidate) {
    extra_bytes_ -= BytesOf(held);
    held = candidate;
    extra_bytes_ += BytesOf(held);
  }

  AggregateCall call_;
  bool greatest_ = false;
  bool latest_ = false;
  bool by_other_ = false;
  bool by_value_ = false;
  bool skips_nulls_ = false;
};

}  // namespace

std::unique_ptr<AggregateStates> NewChosenStates(const AggregateCall& call) {
  switch (call.kind) {
    case AggregateKind::kMin:
    case AggregateKind::kMax:
    case AggregateKind::kMinBy:
    case AggregateKind::kMaxBy:
    case AggregateKind::kFirst:
    case AggregateKind::kLast:
    case AggregateKind::kAnyValue:
      return std::make_unique<ChosenStates>(call);
    default:
      return nullptr;
  }
}

}  // namespace millrace::engine
