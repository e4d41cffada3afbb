// + - * / % div pmod and their try_ forms, negative, positive, abs: numbers here, dates and
// intervals in interval_arithmetic.cc.

#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "base/decimal.h"
#include "data/value.h"
#include "engine/functions/interval_arithmetic.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::ColumnPtr;
using data::DataType;
using data::TypeKind;

// What an overflow or a zero divisor does.
enum class Failing : uint8_t { kRaise, kNull, kWrap };

enum class Op : uint8_t { kAdd, kSubtract, kMultiply, kDivide, kRemainder, kWhole, kPositiveMod };

constexpr std::string_view SymbolOf(Op op) {
  constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "%", "div", "pmod"};
  return kSymbols[static_cast<size_t>(op)];
}
constexpr std::string_view TryNameOf(Op op) {
  constexpr std::string_view kNames[] = {"try_add", "try_subtract", "try_multiply", "try_divide",
                                         "try_mod", "try_divide",   "try_mod"};
  return kNames[static_cast<size_t>(op)];
}

template <typename T>
void Overflow(Op op, T a, T b, Failing failing, Cell& cell) {
  if (failing == Failing::kNull) return cell.SetNull();
  if constexpr (sizeof(T) < 4) {
    cell.Fail("BINARY_ARITHMETIC_OVERFLOW",
              fmt::format("{} {} {} caused overflow. Use `{}` to give NULL instead.", a,
                          SymbolOf(op), b, TryNameOf(op)));
  } else {
    cell.Fail("ARITHMETIC_OVERFLOW",
              fmt::format("{} overflow: {} {} {}. Use `{}` to give NULL instead.",
                          sizeof(T) == 4 ? "integer" : "long", a, SymbolOf(op), b, TryNameOf(op)));
  }
}

void ZeroDivisor(Op op, Failing failing, Cell& cell) {
  if (failing != Failing::kRaise) return cell.SetNull();
  const bool remainder = op == Op::kRemainder || op == Op::kPositiveMod;
  cell.Fail(remainder ? "REMAINDER_BY_ZERO" : "DIVIDE_BY_ZERO",
            fmt::format("{} by zero. Use `{}` to give NULL instead.",
                        remainder ? "Remainder" : "Division", TryNameOf(op)));
}

template <Op op, typename T>
bool Overflows(T a, T b, T* result) {
  if constexpr (op == Op::kAdd) return __builtin_add_overflow(a, b, result);
  if constexpr (op == Op::kSubtract) return __builtin_sub_overflow(a, b, result);
  return __builtin_mul_overflow(a, b, result);
}

template <Op op, typename T>
ColumnPtr IntegerLoop(KernelCall& call, Failing failing) {
  return Map<T, T, T>(call, [failing](T a, T b, Cell& cell) {
    T result;
    if (Overflows<op>(a, b, &result) && failing != Failing::kWrap) [[unlikely]]
      Overflow(op, a, b, failing, cell);
    return result;
  });
}

// pmod: ((a % b) + b) % b, as Java computes it, without its overflow.
template <typename T>
T PositiveMod(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    const T rest = std::fmod(a, b);
    return rest < 0 ? std::fmod(rest + b, b) : rest;
  } else {
    const T rest = static_cast<T>(a % b);
    if (rest >= 0) return rest;
    return static_cast<T>((static_cast<data::Int128>(rest) + b) % b);
  }
}

template <Op op, typename T>
ColumnPtr DivisionLoop(KernelCall& call, Failing failing) {
  return Map<T, T, T>(call, [failing](T a, T b, Cell& cell) -> T {
    if (b == 0) [[unlikely]] {
      ZeroDivisor(op, failing, cell);
      return T{};
    }
    if constexpr (std::is_floating_point_v<T>) {
      if constexpr (op == Op::kDivide) return a / b;
      if constexpr (op == Op::kRemainder) return std::fmod(a, b);
      return PositiveMod(a, b);
    } else {
      if (b == -1) {
        if constexpr (op != Op::kWhole) return T{};
        if (a == std::numeric_limits<T>::min() && failing != Failing::kWrap) [[unlikely]] {
          Overflow(op, a, b, failing, cell);
          return a;
        }
        return static_cast<T>(-static_cast<std::make_unsigned_t<T>>(a));
      }
      if constexpr (op == Op::kWhole) return static_cast<T>(a / b);
      if constexpr (op == Op::kRemainder) return static_cast<T>(a % b);
      return PositiveMod(a, b);
    }
  });
}

template <Op op, typename T>
ColumnPtr RealLoop(KernelCall& call) {
  return Map<T, T, T>(call, [](T a, T b) {
    if constexpr (op == Op::kAdd) return a + b;
    if constexpr (op == Op::kSubtract) return a - b;
    return a * b;
  });
}

// Decimals: exact, each argument at its own scale.
struct DecimalTypes {
  int a_scale;
  int b_scale;
  DecimalForm result;
};

template <Op op>
std::optional<data::Int128> Compute(Scaled a, Scaled b, DecimalForm to) {
  if constexpr (op == Op::kAdd) return AddDecimals(a, b, to);
  if constexpr (op == Op::kSubtract) return SubtractDecimals(a, b, to);
  if constexpr (op == Op::kMultiply) return MultiplyDecimals(a, b, to);
  if constexpr (op == Op::kDivide) return DivideDecimals(a, b, to);
  auto rest = RemainderOfDecimals(a, b, to);
  if (op == Op::kRemainder || !rest || *rest >= 0) return rest;
  const auto sum = AddDecimals({*rest, to.scale}, b, {kDecimalPrecisionMax, to.scale});
  return sum ? RemainderOfDecimals({*sum, to.scale}, b, to) : std::nullopt;
}

void DecimalOverflow(Failing failing, DecimalForm to, Cell& cell) {
  if (failing != Failing::kRaise) return cell.SetNull();
  cell.Fail(
      "NUMERIC_VALUE_OUT_OF_RANGE",
      fmt::format("the result has more digits than DECIMAL({},{}) holds", to.precision, to.scale));
}

template <Op op>
ColumnPtr DecimalLoop(KernelCall& call, DecimalTypes types, Failing failing) {
  using data::Int128;
  return Map<Int128, Int128, Int128>(call, [=](Int128 a, Int128 b, Cell& cell) -> Int128 {
    constexpr bool kDivides = op == Op::kDivide || op == Op::kRemainder || op == Op::kPositiveMod;
    if (kDivides && b == 0) {
      ZeroDivisor(op, failing, cell);
      return 0;
    }
    const auto result = Compute<op>({a, types.a_scale}, {b, types.b_scale}, types.result);
    if (!result) [[unlikely]]
      DecimalOverflow(failing, types.result, cell);
    return result.value_or(0);
  });
}

ColumnPtr WholeDecimalLoop(KernelCall& call, DecimalTypes types, Failing failing) {
  using data::Int128;
  return Map<int64_t, Int128, Int128>(call, [=](Int128 a, Int128 b, Cell& cell) -> int64_t {
    if (b == 0) {
      ZeroDivisor(Op::kWhole, failing, cell);
      return 0;
    }
    const auto result = WholeQuotient({a, types.a_scale}, {b, types.b_scale});
    if (!result) Overflow<int64_t>(Op::kWhole, 0, 0, failing, cell);
    return result.value_or(0);
  });
}

template <Op op>
Kernel DecimalKernel(const sql::Expr& call, Failing failing) {
  DecimalTypes types{call.args[0]->type.scale(), call.args[1]->type.scale(), {}};
  if (op == Op::kWhole)
    return [=](KernelCall& now) { return WholeDecimalLoop(now, types, failing); };
  types.result = {call.type.precision(), call.type.scale()};
  return [=](KernelCall& now) { return DecimalLoop<op>(now, types, failing); };
}

template <Op op, typename T>
Kernel NumberKernel(Failing failing) {
  constexpr bool kDivides = op >= Op::kDivide;
  if constexpr (kDivides) {
    return [=](KernelCall& call) { return DivisionLoop<op, T>(call, failing); };
  } else if constexpr (std::is_floating_point_v<T>) {
    return [](KernelCall& call) { return RealLoop<op, T>(call); };
  } else {
    return [=](KernelCall& call) { return IntegerLoop<op, T>(call, failing); };
  }
}

template <Op op>
Result<Kernel> MakeOp(const sql::Expr& call, Failing failing) {
  if (IsIntervalArithmetic(call)) {
    return MakeIntervalArithmetic(call, SymbolOf(op)[0], failing == Failing::kNull);
  }
  const DataType& type = call.args[0]->type;
  if (type.kind() == TypeKind::kDecimal) return DecimalKernel<op>(call, failing);
  return WithNumber(type.kind(), [&]<typename T>(T) -> Result<Kernel> {
    if constexpr (std::is_same_v<T, data::Int128>) {
      return Fail(ErrorCode::kInternal, "decimals are handled before");
    } else if constexpr (op == Op::kDivide && !std::is_floating_point_v<T>) {
      return Fail(ErrorCode::kInternal, "/ of whole numbers is bound as DOUBLE");
    } else if constexpr (op == Op::kWhole && std::is_floating_point_v<T>) {
      return Fail(ErrorCode::kInternal, "div is bound for whole numbers and decimals");
    } else {
      return NumberKernel<op, T>(failing);
    }
  });
}

template <Op op>
Result<Kernel> MakePlain(const sql::Expr& call) {
  return MakeOp<op>(call, call.ansi ? Failing::kRaise : Failing::kWrap);
}
template <Op op>
Result<Kernel> MakeTry(const sql::Expr& call) {
  return MakeOp<op>(call, Failing::kNull);
}

// negative and abs: only the least integer has no opposite.
template <bool kOnlyNegatives, typename T>
ColumnPtr Opposite(KernelCall& call, bool ansi) {
  return Map<T, T>(call, [ansi](T a, Cell& cell) -> T {
    if constexpr (std::is_floating_point_v<T>) {
      return kOnlyNegatives ? std::fabs(a) : -a;
    } else if constexpr (std::is_same_v<T, data::Int128>) {
      return kOnlyNegatives && a >= 0 ? a : -a;
    } else {
      if (kOnlyNegatives && a >= 0) return a;
      if (a == std::numeric_limits<T>::min()) [[unlikely]] {
        if (ansi) Overflow<T>(Op::kSubtract, 0, a, Failing::kRaise, cell);
        return a;
      }
      return static_cast<T>(-a);
    }
  });
}

template <bool kOnlyNegatives>
Result<Kernel> MakeOpposite(const sql::Expr& call) {
  TypeKind kind = call.type.kind();
  if (kind == TypeKind::kIntervalYearMonth) kind = TypeKind::kInt;
  if (kind == TypeKind::kIntervalDayTime) kind = TypeKind::kBigint;
  return WithNumber(kind, [&]<typename T>(T) -> Result<Kernel> {
    return Kernel(
        [ansi = call.ansi](KernelCall& now) { return Opposite<kOnlyNegatives, T>(now, ansi); });
  });
}

const KernelRegistration kKernels[] = {
    {"+", MakePlain<Op::kAdd>},
    {"-", MakePlain<Op::kSubtract>},
    {"*", MakePlain<Op::kMultiply>},
    {"/", MakePlain<Op::kDivide>},
    {"%", MakePlain<Op::kRemainder>},
    {"div", MakePlain<Op::kWhole>},
    {"pmod", MakePlain<Op::kPositiveMod>},
    {"try_add", MakeTry<Op::kAdd>},
    {"try_subtract", MakeTry<Op::kSubtract>},
    {"try_multiply", MakeTry<Op::kMultiply>},
    {"try_divide", MakeTry<Op::kDivide>},
    {"try_mod", MakeTry<Op::kRemainder>},
    {"negative", MakeOpposite<false>},
    {"abs", MakeOpposite<true>},
    {"positive", Always([](KernelCall& call) { return call.args[0]; })},
};

}  // namespace

std::span<const KernelRegistration> ArithmeticKernels() { return kKernels; }

}  // namespace millrace::engine
