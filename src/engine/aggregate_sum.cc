// Sums, averages, standard deviations and variances.
#include <cmath>
#include <limits>

#include "base/decimal.h"
#include "engine/aggregate_exact_sum.h"
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

constexpr std::string_view kOverflowHint =
    "Use `try_sum` or `try_avg` to tolerate overflow, or cast the argument to a wider type.";

// A sum of 128-bit numbers that cannot overflow: 192 bits, two's complement.
struct WideSum {
  uint64_t count = 0;
  unsigned __int128 low = 0;
  int64_t high = 0;

  void Add(Int128 number) {
    const auto bits = static_cast<unsigned __int128>(number);
    const bool carry = __builtin_add_overflow(low, bits, &low);
    high += (number < 0 ? -1 : 0) + (carry ? 1 : 0);
  }
  void Add(const WideSum& other) {
    const bool carry = __builtin_add_overflow(low, other.low, &low);
    high += other.high + (carry ? 1 : 0);
    count += other.count;
  }
  // nullopt: beyond 128 bits.
  std::optional<Int128> Narrow() const {
    const auto value = static_cast<Int128>(low);
    if (high != (value < 0 ? -1 : 0)) return std::nullopt;
    return value;
  }
};

template <typename F>
void WithInteger(const Column& column, F&& f) {
  switch (column.type().kind()) {
    case TypeKind::kTinyint:
      return f(data::Reader<int8_t>(column));
    case TypeKind::kSmallint:
      return f(data::Reader<int16_t>(column));
    case TypeKind::kInt:
    case TypeKind::kIntervalYearMonth:
      return f(data::Reader<int32_t>(column));
    case TypeKind::kDecimal:
      return f(data::Reader<Int128>(column));
    default:
      return f(data::Reader<int64_t>(column));
  }
}

// Integers, decimals and intervals.
class WideSumStates : public StatesOf<WideSum> {
 public:
  explicit WideSumStates(const AggregateCall& call)
      : type_(call.type),
        average_(call.kind == AggregateKind::kAvg || call.kind == AggregateKind::kTryAvg),
        forgives_(call.kind == AggregateKind::kTrySum || call.kind == AggregateKind::kTryAvg),
        scale_(call.args[0]->type.kind() == TypeKind::kDecimal ? call.args[0]->type.scale() : 0) {}

  void Update(const AggregateInput& input) override {
    const Column& column = *input.args[0];
    WithInteger(column, [&](auto reader) {
      ForEachRow(input, [&](size_t row, WideSum& sum) {
        if (column.IsNull(row)) return;
        sum.Add(Int128{reader[row]});
        ++sum.count;
      });
    });
  }
  void Merge(size_t into, const AggregateStates& from, size_t state) override {
    states_[into].Add(Of(from, state));
  }
  void Serialize(size_t state, std::string& to) const override {
    const WideSum& sum = states_[state];
    AppendVarint(to, sum.count);
    if (sum.count == 0) return;
    AppendLittle(to, static_cast<uint64_t>(sum.low));
    AppendLittle(to, static_cast<uint64_t>(sum.low >> 64));
    AppendLittle(to, sum.high);
  }
  Status MergeSerialized(size_t into, std::string_view& bytes) override {
    ByteReader reader(bytes);
    WideSum sum;
    sum.count = reader.Varint();
    if (sum.count > 0) {
      const auto low = reader.Little<uint64_t>();
      sum.low = static_cast<unsigned __int128>(reader.Little<uint64_t>()) << 64 | low;
      sum.high = reader.Little<int64_t>();
    }
    if (!reader.ok()) return DamagedState("sum");
    states_[into].Add(sum);
    bytes = reader.Rest();
    return {};
  }
  ColumnPtr Finish(std::span<const uint32_t> states, data::RowErrors& errors) const override {
    data::ColumnBuilder out(type_, states.size());
    for (size_t i = 0; i < states.size(); ++i) {
      const WideSum& sum = states_[states[i]];
      if (sum.count == 0) {
        out.SetNull(i);
      } else if (!FinishOne(sum, i, out)) {
        out.SetNull(i);
        if (forgives_) continue;
        errors.Add(i, "ARITHMETIC_OVERFLOW",
                   fmt::format("{} overflow. {}", type_.ToDdl(), kOverflowHint));
      }
    }
    return std::move(out).Finish();
  }

 private:
  bool FinishOne(const WideSum& sum, size_t row, data::ColumnBuilder& out) const {
    const auto total = sum.Narrow();
    if (!total) return false;
    switch (type_.kind()) {
      case TypeKind::kDecimal: {
        const Scaled divisor{static_cast<Int128>(average_ ? sum.count : 1), 0};
        const auto value =
            DivideDecimals({*total, scale_}, divisor, {type_.precision(), type_.scale()});
        if (value) out.Values<Int128>()[row] = *value;
        return value.has_value();
      }
      case TypeKind::kDouble: {
        const double whole = DecimalToDouble({*total, scale_});
        out.Values<double>()[row] = average_ ? whole / static_cast<double>(sum.count) : whole;
        return true;
      }
      case TypeKind::kIntervalYearMonth:
        return Store<int32_t>(Whole(*total, sum.count), row, out);
      default:
        return Store<int64_t>(Whole(*total, sum.count), row, out);
    }
  }
  // Of intervals the average is rounded half up.
  Int128 Whole(Int128 total, uint64_t count) const {
    if (!average_) return total;
    const auto divisor = static_cast<Int128>(count);
    const Int128 rest = total % divisor;
    const Int128 half = (rest < 0 ? -rest : rest) * 2;
    return total / divisor + (half >= divisor ? (total < 0 ? -1 : 1) : 0);
  }
  template <typename T>
  static bool Store(Int128 value, size_t row, data::ColumnBuilder& out) {
    out.Values<T>()[row] = static_cast<T>(value);
    return Int128{static_cast<T>(value)} == value;
  }

  DataType type_;
  bool average_;
  bool forgives_;  // overflow is NULL
  int scale_;
};

bool IsOfSample(AggregateKind kind) {
  return kind == AggregateKind::kStddevSamp || kind == AggregateKind::kVarSamp;
}
// Needs sums of squares.
bool IsSpread(AggregateKind kind) {
  return IsOfSample(kind) || kind == AggregateKind::kStddevPop || kind == AggregateKind::kVarPop;
}

struct RealSum {
  uint64_t count = 0;
  ExactSum sum;
  ExactSum squares;  // of variances only
};

// Floats and doubles: sums and averages, and with squares the variance.
class RealSumStates : public StatesOf<RealSum> {
 public:
  explicit RealSumStates(AggregateKind kind) : kind_(kind), with_squares_(IsSpread(kind)) {}

  void Update(const AggregateInput& input) override {
    const Column& column = *input.args[0];
    if (column.type().kind() == TypeKind::kFloat) {
      Take(input, column, data::Reader<float>(column));
    } else {
      Take(input, column, data::Reader<double>(column));
    }
  }
  void Merge(size_t into, const AggregateStates& from, size_t state) override {
    const RealSum& other = Of(from, state);
    RealSum& ours = states_[into];
    ours.count += other.count;
    ours.sum.Add(other.sum);
    ours.squares.Add(other.squares);
  }
  void Serialize(size_t state, std::string& to) const override {
    AppendVarint(to, states_[state].count);
    states_[state].sum.Serialize(to);
    if (with_squares_) states_[state].squares.Serialize(to);
  }
  Status MergeSerialized(size_t into, std::string_view& bytes) override {
    ByteReader reader(bytes);
    RealSum& ours = states_[into];
    ours.count += reader.Varint();
    const bool ok = ours.sum.AddSerialized(reader) &&
                    (!with_squares_ || ours.squares.AddSerialized(reader)) && reader.ok();
    if (!ok) return DamagedState("sum");
    bytes = reader.Rest();
    return {};
  }
  ColumnPtr Finish(std::span<const uint32_t> states, data::RowErrors&) const override {
    data::ColumnBuilder out(DataType::Double(), states.size());
    for (size_t i = 0; i < states.size(); ++i) {
      const RealSum& state = states_[states[i]];
      if (state.count < (IsOfSample(kind_) ? 2 : 1)) {
        out.SetNull(i);
      } else {
        out.Values<double>()[i] = Finished(state);
      }
    }
    return std::move(out).Finish();
  }
  size_t MemoryBytes() const override {
    // A sum's limbs: of numbers of like size four to eight.
    constexpr size_t kLimbBytes = 64;
    return states_.capacity() * (sizeof(RealSum) + kLimbBytes * (with_squares_ ? 2 : 1));
  }

 private:
  template <typename T>
  void Take(const AggregateInput& input, const Column& column, data::Reader<T> reader) {
    ForEachRow(input, [&](size_t row, RealSum& state) {
      if (column.IsNull(row)) return;
      const double number = reader[row];
      ++state.count;
      state.sum.Add(number);
      if (!with_squares_) return;
      // The square exactly, as the sum of two doubles.
      const double square = number * number;
      state.squares.Add(square);
      if (std::isfinite(square)) state.squares.Add(std::fma(number, number, -square));
    });
  }

  double Finished(const RealSum& state) const {
    const auto count = static_cast<double>(state.count);
    if (kind_ == AggregateKind::kSum || kind_ == AggregateKind::kTrySum) return state.sum.Rounded();
    if (!with_squares_) return state.sum.Rounded() / count;
    if (!state.sum.finite() || !state.squares.finite())
      return std::numeric_limits<double>::quiet_NaN();
    const __float128 n = count;
    const __float128 sum = state.sum.Wide();
    const __float128 spread = n * state.squares.Wide() - sum * sum;
    const auto variance = static_cast<double>(spread / (n * (IsOfSample(kind_) ? n - 1 : n)));
    const bool squared = kind_ == AggregateKind::kVarSamp || kind_ == AggregateKind::kVarPop;
    return squared ? variance : std::sqrt(variance);
  }

  AggregateKind kind_;
  bool with_squares_;
};

}  // namespace

std::unique_ptr<AggregateStates> NewSumStates(const AggregateCall& call) {
  if (call.args.empty()) return nullptr;
  const DataType& type = call.args[0]->type;
  const bool sums = call.kind == AggregateKind::kSum || call.kind == AggregateKind::kAvg ||
                    call.kind == AggregateKind::kTrySum || call.kind == AggregateKind::kTryAvg;
  if ((sums || IsSpread(call.kind)) && type.is_fractional())
    return std::make_unique<RealSumStates>(call.kind);
  if (!sums) return nullptr;
  if (type.is_integral() || type.kind() == TypeKind::kDecimal || type.is_interval())
    return std::make_unique<WideSumStates>(call);
  return nullptr;
}

}  // namespace millrace::engine
