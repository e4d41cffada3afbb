// min and max of numbers, dates and booleans (bool_and and bool_or are min and max of booleans).
#include <cmath>
#include <cstring>

#include "engine/aggregate_states.h"

namespace millrace::engine {

using data::Column;
using data::ColumnPtr;
using data::DataType;
using data::Int128;
using data::TypeKind;
using sql::AggregateCall;
using sql::AggregateKind;

namespace {

template <typename T>
struct Extreme {
  T value{};
  bool present = false;
};

// NaN is above all numbers.
template <typename T>
bool IsBelow(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a)) return false;
    if (std::isnan(b)) return true;
  }
  return a < b;
}

template <typename T, bool kMin>
class ExtremeStates : public StatesOf<Extreme<T>> {
  using Base = StatesOf<Extreme<T>>;

 public:
  explicit ExtremeStates(const DataType& type) : type_(type) {}

  void Update(const AggregateInput& input) override {
    const Column& column = *input.args[0];
    const data::Reader<T> reader(column);
    this->ForEachRow(input, [&](size_t row, Extreme<T>& state) {
      if (!column.IsNull(row)) Take(state, reader[row]);
    });
  }
  void Merge(size_t into, const AggregateStates& from, size_t state) override {
    const Extreme<T>& other = Base::Of(from, state);
    if (other.present) Take(this->states_[into], other.value);
  }
  void Serialize(size_t state, std::string& to) const override {
    const Extreme<T>& extreme = this->states_[state];
    to.push_back(extreme.present ? 1 : 0);
    if (extreme.present) to.append(reinterpret_cast<const char*>(&extreme.value), sizeof(T));
  }
  Status MergeSerialized(size_t into, std::string_view& bytes) override {
    ByteReader reader(bytes);
    const auto present = reader.Little<uint8_t>();
    const std::string_view raw = reader.Bytes(present == 1 ? sizeof(T) : 0);
    if (!reader.ok() || present > 1) return DamagedState("min or max");
    if (present == 1) {
      T value;
      std::memcpy(&value, raw.data(), sizeof(T));
      Take(this->states_[into], value);
    }
    bytes = reader.Rest();
    return {};
  }
  ColumnPtr Finish(std::span<const uint32_t> states, data::RowErrors&) const override {
    data::ColumnBuilder out(type_, states.size());
    for (size_t i = 0; i < states.size(); ++i) {
      const Extreme<T>& extreme = this->states_[states[i]];
      if (extreme.present) {
        out.Values<T>()[i] = extreme.value;
      } else {
        out.SetNull(i);
      }
    }
    return std::move(out).Finish();
  }

 private:
  static void Take(Extreme<T>& state, T value) {
    const bool better = kMin ? IsBelow(value, state.value) : IsBelow(state.value, value);
    if (state.present && !better) return;
    state.value = value;
    state.present = true;
  }

  DataType type_;
};

template <typename T>
std::unique_ptr<AggregateStates> NewOf(bool min, const DataType& type) {
  if (min) return std::make_unique<ExtremeStates<T, true>>(type);
  return std::make_unique<ExtremeStates<T, false>>(type);
}

}  // namespace

std::unique_ptr<AggregateStates> NewExtremeStates(const AggregateCall& call) {
  const bool min = call.kind == AggregateKind::kMin || call.kind == AggregateKind::kBoolAnd;
  const bool max = call.kind == AggregateKind::kMax || call.kind == AggregateKind::kBoolOr;
  if (!min && !max) return nullptr;
  const DataType& type = call.args[0]->type;
  switch (type.kind()) {
    case TypeKind::kBoolean:
      return NewOf<uint8_t>(min, type);
    case TypeKind::kTinyint:
      return NewOf<int8_t>(min, type);
    case TypeKind::kSmallint:
      return NewOf<int16_t>(min, type);
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kIntervalYearMonth:
      return NewOf<int32_t>(min, type);
    case TypeKind::kBigint:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kIntervalDayTime:
      return NewOf<int64_t>(min, type);
    case TypeKind::kFloat:
      return NewOf<float>(min, type);
    case TypeKind::kDouble:
      return NewOf<double>(min, type);
    case TypeKind::kDecimal:
      return NewOf<Int128>(min, type);
    default:
      return nullptr;  // strings and nested values are chosen by their row keys
  }
}

}  // namespace millrace::engine
