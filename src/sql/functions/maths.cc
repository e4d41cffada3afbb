#include <span>

#include "sql/functions/arithmetic.h"
#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

Resolver DoubleToDouble() { return Fixed({kDouble}, kDouble); }
Resolver TwoDoubles() { return Fixed({kDouble, kDouble}, kDouble); }

const FunctionRow kRows[] = {
    {"abs(expr)", "Absolute value.", "abs(-1) => 1",
     [](std::span<const Argument> args) -> Result<Signature> {
       if (args.size() == 1 && args[0].type.is_interval())
         return Fixed({args[0].type}, SameAs(0))(args);
       return Fixed({kAnyNumber}, SameAs(0))(args);
     }},
    {"ceil(expr[, scale])",
     "Smallest whole number not below expr.",
     "ceil(-0.1) => 0",
     Rounding(true),
     {.aliases = {"ceiling"}}},
    {"floor(expr[, scale])", "Largest whole number not above expr.", "floor(-0.1) => -1",
     Rounding(true)},
    {"round(expr[, scale])", "expr rounded half away from zero.", "round(2.5, 0) => 3",
     Rounding(false)},
    {"bround(expr[, scale])", "expr rounded half to even.", "bround(2.5, 0) => 2", Rounding(false)},
    {"rint(expr)", "Nearest whole number as DOUBLE, half to even.", "rint(12.3456) => 12.0",
     DoubleToDouble()},
    {"sqrt(expr)", "Square root.", "sqrt(4) => 2.0", DoubleToDouble()},
    {"cbrt(expr)", "Cube root.", "cbrt(27.0) => 3.0", DoubleToDouble()},
    {"exp(expr)", "e to the power of expr.", "exp(0) => 1.0", DoubleToDouble()},
    {"expm1(expr)", "exp(expr) - 1.", "expm1(0) => 0.0", DoubleToDouble()},
    {"ln(expr)", "Natural logarithm; NULL when expr is not positive.", "ln(1) => 0.0",
     DoubleToDouble()},
    {"log([base, ]expr)",
     "Logarithm of expr to a base, e when left out.",
     "log(10, 100) => 2.0",
     Fixed({kDouble, kDouble}, kDouble, 1),
     {.name = "log"}},
    {"log10(expr)", "Logarithm to base 10.", "log10(10) => 1.0", DoubleToDouble()},
    {"log2(expr)", "Logarithm to base 2.", "log2(2) => 1.0", DoubleToDouble()},
    {"log1p(expr)", "ln(1 + expr).", "log1p(0) => 0.0", DoubleToDouble()},
    {"power(a, b)", "a to the power of b.", "pow(2, 3) => 8.0", TwoDoubles(), {.aliases = {"pow"}}},
    {"signum(expr)",
     "-1.0, 0.0 or 1.0.",
     "sign(40) => 1.0",
     DoubleToDouble(),
     {.aliases = {"sign"}}},
    {"sin(expr)", "Sine.", "sin(0) => 0.0", DoubleToDouble()},
    {"cos(expr)", "Cosine.", "cos(0) => 1.0", DoubleToDouble()},
    {"tan(expr)", "Tangent.", "tan(0) => 0.0", DoubleToDouble()},
    {"cot(expr)",
     "Cotangent.",
     "cot(1) => 0.6420926159343306",
     DoubleToDouble(),
     {.difference = "the last digit may differ: Java's strict mathematics is not used"}},
    {"sec(expr)", "Secant.", "sec(0) => 1.0", DoubleToDouble()},
    {"csc(expr)", "Cosecant.", "csc(1) => 1.1883951057781212", DoubleToDouble()},
    {"asin(expr)", "Arc sine.", "asin(0) => 0.0", DoubleToDouble()},
    {"acos(expr)", "Arc cosine.", "acos(1) => 0.0", DoubleToDouble()},
    {"atan(expr)", "Arc tangent.", "atan(0) => 0.0", DoubleToDouble()},
    {"atan2(y, x)", "Angle of the point (x, y).", "atan2(0, 0) => 0.0", TwoDoubles()},
    {"sinh(expr)", "Hyperbolic sine.", "sinh(0) => 0.0", DoubleToDouble()},
    {"cosh(expr)", "Hyperbolic cosine.", "cosh(0) => 1.0", DoubleToDouble()},
    {"tanh(expr)", "Hyperbolic tangent.", "tanh(0) => 0.0", DoubleToDouble()},
    {"asinh(expr)", "Inverse hyperbolic sine.", "asinh(0) => 0.0", DoubleToDouble()},
    {"acosh(expr)", "Inverse hyperbolic cosine.", "acosh(1) => 0.0", DoubleToDouble()},
    {"atanh(expr)", "Inverse hyperbolic tangent.", "atanh(0) => 0.0", DoubleToDouble()},
    {"degrees(expr)", "Radians in degrees.", "degrees(3.141592653589793) => 180.0",
     DoubleToDouble()},
    {"radians(expr)", "Degrees in radians.", "radians(180) => 3.141592653589793", DoubleToDouble()},
    {"pi()", "The number pi.", "pi() => 3.141592653589793", Fixed({}, kDouble)},
    {"e()", "Euler's number.", "e() => 2.718281828459045", Fixed({}, kDouble)},
    {"greatest(a, b, ...)",
     "The greatest argument; NULLs are left out.",
     "greatest(10, 9, 2, 4, 3) => 10",
     Common(2, kOrderable, SameAs(0)),
     {.null_rule = NullRule::kHandled}},
    {"least(a, b, ...)",
     "The least argument; NULLs are left out.",
     "least(10, 9, 2, 4, 3) => 2",
     Common(2, kOrderable, SameAs(0)),
     {.null_rule = NullRule::kHandled}},
    {"pmod(a, b)", "Remainder of a by b that is not negative for a positive b.",
     "pmod(-10, 3) => 2", Arithmetic('p')},
    {"conv(num, from_base, to_base)", "num between bases 2 to 36.", "conv('100', 2, 10) => 4",
     Fixed({kString, kInt, kInt}, kString)},
    {"bin(expr)", "Binary digits of a whole number.", "bin(13) => 1101", Fixed({kBigint}, kString)},
    {"factorial(n)", "n!, for 0 to 20; else NULL.", "factorial(5) => 120", Fixed({kInt}, kBigint)},
    {"hypot(a, b)", "sqrt(a*a + b*b).", "hypot(3, 4) => 5.0", TwoDoubles()},
    {"bit_count(expr)", "Number of bits set.", "bit_count(0) => 0",
     [](std::span<const Argument> args) -> Result<Signature> {
       if (args.size() == 1 && args[0].type.kind() == data::TypeKind::kBoolean)
         return Fixed({kBoolean}, kInt)(args);
       return Fixed({kAnyIntegral}, kInt)(args);
     }},
    {"getbit(expr, pos)",
     "Bit pos of a whole number, from 0.",
     "getbit(11, 0) => 1",
     Fixed({kBigint, kInt}, data::DataType::Tinyint()),
     {.aliases = {"bit_get"}}},
    {"try_add(a, b)", "a + b, NULL on overflow.", "try_add(2147483647, 1) => NULL",
     Arithmetic('+')},
    {"try_subtract(a, b)", "a - b, NULL on overflow.", "try_subtract(2, 1) => 1", Arithmetic('-')},
    {"try_multiply(a, b)", "a * b, NULL on overflow.", "try_multiply(2, 3) => 6", Arithmetic('*')},
    {"try_divide(a, b)", "a / b, NULL when b is 0.", "try_divide(1, 0) => NULL", Arithmetic('/')},
    {"try_mod(a, b)", "a % b, NULL when b is 0.", "try_mod(3, 2) => 1", Arithmetic('%')},
    {"width_bucket(value, min, max, buckets)",
     "The bucket, from 1, that value falls into when min to max has equal buckets.",
     "width_bucket(5.3, 0.2, 10.6, 5) => 3", Fixed({kDouble, kDouble, kDouble, kBigint}, kBigint)},
    {"rand([seed])",
     "A number from 0 to below 1.",
     "rand() >= 0 => true",
     Fixed({kBigint}, kDouble, 1),
     {.aliases = {"random"},
      .difference = "drawn from the record's place, so that a replay gives the same; other values "
                    "than Spark's for one seed",
      .null_rule = NullRule::kHandled,
      .deterministic = false}},
    {"randn([seed])",
     "A number of the standard normal distribution.",
     "randn() IS NULL => false",
     Fixed({kBigint}, kDouble, 1),
     {.difference = "drawn from the record's place, as rand",
      .null_rule = NullRule::kHandled,
      .deterministic = false}},
    {"uuid()",
     "A random UUID.",
     "length(uuid()) => 36",
     Fixed({}, kString),
     {.difference = "drawn from the record's place, so that a replay gives the same",
      .null_rule = NullRule::kHandled,
      .deterministic = false}},
};

}  // namespace

std::span<const FunctionRow> MathRows() { return kRows; }

}  // namespace millrace::sql
