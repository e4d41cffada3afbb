#include <span>
#include <vector>

#include "sql/functions/arithmetic.h"
#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

// As `resolve`, but the result is never NULL.
Resolver NeverNull(Resolver resolve) {
  return [resolve = std::move(resolve)](std::span<const Argument> args) -> Result<Signature> {
    auto signature = resolve(args);
    if (signature) signature->nullable = false;
    return signature;
  };
}

Resolver Comparison() { return Common(2, kOrderable, kBoolean, 2); }
Resolver Bits() { return Common(2, kAnyIntegral, SameAs(0), 2); }

FunctionTraits Named(std::string_view name, std::vector<std::string_view> aliases = {}) {
  return {.aliases = std::move(aliases), .name = name};
}
FunctionTraits Handled(std::string_view name, std::vector<std::string_view> aliases = {}) {
  return {.aliases = std::move(aliases), .null_rule = NullRule::kHandled, .name = name};
}

const FunctionRow kRows[] = {
    {"a + b",
     "Sum; also date + days, and date or timestamp + interval.",
     "1 + 2 => 3",
     Arithmetic('+'),
     {.difference = "DATE + a day-time interval is a DATE only when the interval is a literal of "
                    "whole days, else a TIMESTAMP",
      .name = "+"}},
    {"a - b", "Difference; of two dates or timestamps an interval.", "2 - 1 => 1", Arithmetic('-'),
     Named("-")},
    {"a * b", "Product.", "2 * 3 => 6", Arithmetic('*'), Named("*")},
    {"a / b", "Quotient: DOUBLE, or DECIMAL of decimals.", "3 / 2 => 1.5", Arithmetic('/'),
     Named("/")},
    {"a div b", "Whole quotient, towards zero.", "3 div 2 => 1", Arithmetic('d'), Named("div")},
    {"a % b", "Remainder with the sign of a.", "mod(7, 3) => 1", Arithmetic('%'),
     Named("%", {"mod"})},
    {"-a", "The number with its sign turned.", "negative(1) => -1",
     [](std::span<const Argument> args) -> Result<Signature> {
       if (args.size() == 1 && args[0].type.is_interval())
         return Fixed({args[0].type}, SameAs(0))(args);
       return Fixed({kAnyNumber}, SameAs(0))(args);
     },
     Named("negative")},
    {"+a", "The number itself.", "positive(1) => 1", Fixed({kAnyNumber}, SameAs(0)),
     Named("positive")},
    {"a = b", "Whether both are equal; NaN equals NaN.", "2 = 2 => true", Comparison(),
     Named("=", {"=="})},
    {"a <=> b", "As =, but NULL <=> NULL is true and never NULL.", "NULL <=> NULL => true",
     NeverNull(Comparison()), Handled("<=>", {"equal_null"})},
    {"a <> b", "Whether both differ.", "1 <> 2 => true", Comparison(), Named("<>", {"!="})},
    {"a < b", "Less; NaN is the largest number.", "1 < 2 => true", Comparison(), Named("<")},
    {"a <= b", "Less or equal.", "2 <= 2 => true", Comparison(), Named("<=")},
    {"a > b", "Greater.", "2 > 1 => true", Comparison(), Named(">")},
    {"a >= b", "Greater or equal.", "2 >= 3 => false", Comparison(), Named(">=")},
    {"not a", "Logical negation.", "not true => false", Fixed({kBoolean}, kBoolean),
     Named("not", {"!"})},
    {"isnull(a)", "Whether a is NULL; also a IS NULL.", "isnull(1) => false",
     NeverNull(Fixed({kAny}, kBoolean)), Handled("isnull")},
    {"isnotnull(a)", "Whether a is not NULL; also a IS NOT NULL.", "isnotnull(1) => true",
     NeverNull(Fixed({kAny}, kBoolean)), Handled("isnotnull")},
    {"isnan(a)", "Whether a is NaN; false for NULL.", "isnan(CAST('NaN' AS DOUBLE)) => true",
     NeverNull(Fixed({kDouble}, kBoolean)), Handled("isnan")},
    {"a & b", "Bitwise and.", "3 & 5 => 1", Bits(), Named("&")},
    {"a | b", "Bitwise or.", "3 | 5 => 7", Bits(), Named("|")},
    {"a ^ b", "Bitwise exclusive or.", "3 ^ 5 => 6", Bits(), Named("^")},
    {"~a", "Bitwise not.", "~0 => -1", Fixed({kAnyIntegral}, SameAs(0)), Named("~")},
    {"shiftleft(a, n)", "a shifted left by n bits.", "shiftleft(2, 1) => 4", Shift(),
     Named("shiftleft", {"<<"})},
    {"shiftright(a, n)", "a shifted right by n bits, keeping the sign.", "shiftright(4, 1) => 2",
     Shift(), Named("shiftright", {">>"})},
    {"shiftrightunsigned(a, n)", "a shifted right by n bits, filling with zeros.",
     "shiftrightunsigned(4, 1) => 2", Shift(), Named("shiftrightunsigned", {">>>"})},
    {"a[i]", "Element i of an array, from 0, or the value of key i of a map.",
     "array(1, 2, 3)[1] => 2", Subscript(), Named("element_at_index")},
};

}  // namespace

std::span<const FunctionRow> OperatorRows() { return kRows; }

}  // namespace millrace::sql
