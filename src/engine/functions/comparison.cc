// = <> < <= > >= <=>, greatest, least, NULL tests, not and bit operators.

#include <bit>
#include <cmath>
#include <span>
#include <vector>

#include "engine/functions/lists.h"
#include "engine/functions/loops.h"
#include "engine/row_key.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnBuilder;
using data::ColumnPtr;
using data::TypeKind;

enum class Test : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

template <typename T>
bool Less(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    // NaN is above all numbers and equal to itself.
    return a < b || (std::isnan(b) && !std::isnan(a));
  } else {
    return a < b;
  }
}

template <typename T>
bool Equal(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) return a == b || (std::isnan(a) && std::isnan(b));
  return a == b;
}

template <Test test, typename T>
bool Holds(const T& a, const T& b) {
  if constexpr (test == Test::kEqual) return Equal(a, b);
  if constexpr (test == Test::kNotEqual) return !Equal(a, b);
  if constexpr (test == Test::kLess) return Less(a, b);
  if constexpr (test == Test::kLessEqual) return !Less(b, a);
  if constexpr (test == Test::kGreater) return Less(b, a);
  return !Less(a, b);
}

// Calls f(T{}) with the storage type of any kind that is not nested.
template <typename F>
auto WithScalar(TypeKind kind, F&& f) {
  switch (kind) {
    case TypeKind::kBoolean:
      return f(uint8_t{});
    case TypeKind::kString:
    case TypeKind::kBinary:
      return f(std::string_view{});
    case TypeKind::kDate:
    case TypeKind::kIntervalYearMonth:
      return f(int32_t{});
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kIntervalDayTime:
      return f(int64_t{});
    default:
      return WithNumber(kind, f);
  }
}

// Nested values are compared by their keys, whose byte order is SQL's order.
template <Test test>
ColumnPtr CompareKeys(KernelCall& call) {
  ColumnBuilder out(call.type, call.length);
  uint8_t* values = out.Values<uint8_t>();
  std::string a;
  std::string b;
  call.rows.ForEach([&](size_t row) {
    a.clear();
    b.clear();
    AppendKey(*call.args[0], row, a);
    AppendKey(*call.args[1], row, b);
    values[row] = Holds<test>(a, b) ? 1 : 0;
  });
  return std::move(out).Finish();
}

template <Test test>
Result<Kernel> MakeComparison(const sql::Expr& call) {
  const TypeKind kind = call.args[0]->type.kind();
  if (call.args[0]->type.is_nested() || kind == TypeKind::kNull) return Kernel(CompareKeys<test>);
  return WithScalar(kind, [&]<typename T>(T) -> Result<Kernel> {
    return Kernel([](KernelCall& now) {
      return Map<uint8_t, T, T>(now, [](const T& a, const T& b) { return Holds<test>(a, b); });
    });
  });
}

Result<Kernel> MakeNullSafeEqual(const sql::Expr& call) {
  MR_ASSIGN(Kernel equal, MakeComparison<Test::kEqual>(call));
  return Kernel([equal](KernelCall& now) {
    const Column& a = *now.args[0];
    const Column& b = *now.args[1];
    const ColumnPtr same = equal(now);
    if (!a.has_nulls() && !b.has_nulls()) return same;
    ColumnBuilder out(now.type, now.length);
    uint8_t* values = out.Values<uint8_t>();
    const data::Reader<uint8_t> equal_values(*same);
    now.rows.ForEach([&](size_t row) {
      const bool a_null = a.IsNull(row);
      const bool b_null = b.IsNull(row);
      values[row] = a_null || b_null ? (a_null && b_null ? 1 : 0) : equal_values[row];
    });
    return std::move(out).Finish();
  });
}

// The index of the argument to take for each row, then one merge: any type, NULLs left out.
template <bool kGreatest>
ColumnPtr Extreme(KernelCall& call) {
  std::vector<uint32_t> chosen(call.length, 0);
  std::string best;
  std::string key;
  call.rows.ForEach([&](size_t row) {
    bool found = false;
    for (size_t i = 0; i < call.args.size(); ++i) {
      if (call.args[i]->IsNull(row)) continue;
      key.clear();
      AppendKey(*call.args[i], row, key);
      if (found && !(kGreatest ? best < key : key < best)) continue;
      found = true;
      chosen[row] = static_cast<uint32_t>(i);
      best.swap(key);
    }
  });
  // Row r of argument i is row i * length + r of the arguments put together.
  const ColumnPtr all = Column::Concat(call.args);
  for (size_t row = 0; row < call.length; ++row)
    chosen[row] = chosen[row] * static_cast<uint32_t>(call.length) + static_cast<uint32_t>(row);
  return Column::Take(Column::Flatten(all), chosen);
}

template <bool kWanted>
ColumnPtr NullTest(KernelCall& call) {
  ColumnBuilder out(call.type, call.length);
  uint8_t* values = out.Values<uint8_t>();
  const Column& arg = *call.args[0];
  call.rows.ForEach([&](size_t row) { values[row] = arg.IsNull(row) == kWanted ? 1 : 0; });
  return std::move(out).Finish();
}

ColumnPtr IsNan(KernelCall& call) {
  return Map<uint8_t, double>(call, [](double number) { return std::isnan(number); });
}

ColumnPtr Not(KernelCall& call) {
  return Map<uint8_t, uint8_t>(call, [](uint8_t flag) { return flag == 0; });
}

// The four widths of whole numbers.
template <typename F>
Result<Kernel> WithIntegral(const sql::Expr& call, F&& f) {
  return WithNumber(call.args[0]->type.kind(), [&]<typename T>(T) -> Result<Kernel> {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, data::Int128>)
      return Kernel(f(T{}));
    else
      return Fail(ErrorCode::kInternal, "bit operators are bound for whole numbers");
  });
}

template <char op>
Result<Kernel> MakeBits(const sql::Expr& call) {
  return WithIntegral(call, []<typename T>(T) {
    return [](KernelCall& now) {
      return Map<T, T, T>(now, [](T a, T b) {
        return static_cast<T>(op == '&' ? a & b : op == '|' ? a | b : a ^ b);
      });
    };
  });
}

Result<Kernel> MakeBitNot(const sql::Expr& call) {
  return WithIntegral(call, []<typename T>(T) {
    return [](KernelCall& now) { return Map<T, T>(now, [](T a) { return static_cast<T>(~a); }); };
  });
}

// Java's shifts: the count is taken modulo the width.
template <char op>
Result<Kernel> MakeShift(const sql::Expr& call) {
  return WithIntegral(call, []<typename T>(T) {
    return [](KernelCall& now) {
      return Map<T, T, int32_t>(now, [](T a, int32_t by) {
        using Unsigned = std::make_unsigned_t<T>;
        const auto count = static_cast<uint32_t>(by) & (sizeof(T) == 8 ? 63U : 31U);
        if constexpr (op == '<') return static_cast<T>(static_cast<Unsigned>(a) << count);
        if constexpr (op == 'u') return static_cast<T>(static_cast<Unsigned>(a) >> count);
        return static_cast<T>(a >> count);
      });
    };
  });
}

Result<Kernel> MakeBitCount(const sql::Expr& call) {
  if (call.args[0]->type.kind() == TypeKind::kBoolean) {
    return Kernel([](KernelCall& now) {
      return Map<int32_t, uint8_t>(now, [](uint8_t flag) { return int32_t{flag}; });
    });
  }
  return WithIntegral(call, []<typename T>(T) {
    return [](KernelCall& now) {
      // Java widens to 64 bits with the sign.
      return Map<int32_t, T>(
          now, [](T a) { return std::popcount(static_cast<uint64_t>(static_cast<int64_t>(a))); });
    };
  });
}

ColumnPtr GetBit(KernelCall& call) {
  return Map<int8_t, int64_t, int32_t>(call, [](int64_t value, int32_t at, Cell& cell) {
    if (at < 0 || at > 63) {
      cell.Fail("INVALID_PARAMETER_VALUE.BIT_POSITION_RANGE",
                fmt::format("bit position {} is not within 0 to 63", at));
      return int64_t{0};
    }
    return value >> at & 1;
  });
}

const KernelRegistration kKernels[] = {
    {"=", MakeComparison<Test::kEqual>},
    {"<>", MakeComparison<Test::kNotEqual>},
    {"<", MakeComparison<Test::kLess>},
    {"<=", MakeComparison<Test::kLessEqual>},
    {">", MakeComparison<Test::kGreater>},
    {">=", MakeComparison<Test::kGreaterEqual>},
    {"<=>", MakeNullSafeEqual},
    {"greatest", Always(Extreme<true>)},
    {"least", Always(Extreme<false>)},
    {"isnull", Always(NullTest<true>)},
    {"isnotnull", Always(NullTest<false>)},
    {"isnan", Always(IsNan)},
    {"not", Always(Not)},
    {"&", MakeBits<'&'>},
    {"|", MakeBits<'|'>},
    {"^", MakeBits<'^'>},
    {"~", MakeBitNot},
    {"shiftleft", MakeShift<'<'>},
    {"shiftright", MakeShift<'>'>},
    {"shiftrightunsigned", MakeShift<'u'>},
    {"bit_count", MakeBitCount},
    {"getbit", Always(GetBit)},
};

}  // namespace

std::span<const KernelRegistration> ComparisonKernels() { return kKernels; }

}  // namespace millrace::engine
