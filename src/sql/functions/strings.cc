#include <span>

#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

// STRING arguments stay STRING, BINARY stay BINARY; mixed ones become STRING. Arrays of a common
// type are joined.
Result<Signature> ResolveConcat(std::span<const Argument> args) {
  if (!args.empty() && args[0].type.kind() == data::TypeKind::kArray)
    return ArraysOfCommonType(1, SIZE_MAX, SameAs(0))(args);
  bool all_binary = !args.empty();
  for (const Argument& argument : args)
    all_binary = all_binary && argument.type.kind() == data::TypeKind::kBinary;
  const data::DataType type = all_binary ? kBinary : kString;
  return Variadic({}, type, type)(args);
}

// elt(n, a, b, ...): the candidates are all BINARY or all STRING.
Result<Signature> ResolveElt(std::span<const Argument> args) {
  if (args.size() < 2) return WrongCount("at least 2", args.size());
  bool all_binary = true;
  for (const Argument& argument : args.subspan(1))
    all_binary = all_binary && argument.type.kind() == data::TypeKind::kBinary;
  const data::DataType type = all_binary ? kBinary : kString;
  return Variadic({kInt}, type, type, 1)(args);
}

// Separator, then strings and arrays of strings.
Result<Signature> ResolveConcatWs(std::span<const Argument> args) {
  if (args.empty()) return WrongCount("at least 1", 0);
  Signature signature;
  signature.result = kString;
  for (size_t i = 0; i < args.size(); ++i) {
    const bool list = i > 0 && args[i].type.kind() == data::TypeKind::kArray;
    const data::DataType wanted = list ? data::DataType::Array(kString) : kString;
    const auto type = Parameter(wanted).Accept(args[i]);
    if (!type) return WrongType(i, "STRING or ARRAY<STRING>", args[i].type);
    signature.arguments.push_back(*type);
  }
  return signature;
}

const ResultRule kSame = SameAs(0);

const FunctionRow kRows[] = {
    {"upper(str)",
     "Upper case of every letter.",
     "upper('SparkSql') => SPARKSQL",
     Fixed({kString}, kString),
     {.aliases = {"ucase"}}},
    {"lower(str)",
     "Lower case of every letter.",
     "lower('SparkSql') => sparksql",
     Fixed({kString}, kString),
     {.aliases = {"lcase"}}},
    {"initcap(str)", "First letter of each word in upper case, the rest in lower case.",
     "initcap('sPark sql') => Spark Sql", Fixed({kString}, kString)},
    {"length(expr)",
     "Number of characters of a string, of bytes of a binary.",
     "length('Spark SQL ') => 10",
     Fixed({kText}, kInt),
     {.aliases = {"char_length", "character_length", "len"}}},
    {"octet_length(expr)", "Number of bytes.", "octet_length('Spark SQL') => 9",
     Fixed({kText}, kInt)},
    {"bit_length(expr)", "Number of bits.", "bit_length('Spark SQL') => 72", Fixed({kText}, kInt)},
    {"substring(str, pos[, len])",
     "Part of str from position pos, counted from 1, from the end when negative.",
     "substring('Spark SQL', 5, 1) => k",
     Fixed({kText, kInt, kInt}, kSame, 1),
     {.aliases = {"substr"}}},
    {"substring_index(str, delim, count)",
     "Part of str before the count-th delim, counted from the end when negative.",
     "substring_index('www.apache.org', '.', 2) => www.apache",
     Fixed({kString, kString, kInt}, kString)},
    {"left(str, len)", "The first len characters.", "left('Spark SQL', 3) => Spa",
     Fixed({kText, kInt}, kSame)},
    {"right(str, len)", "The last len characters.", "right('Spark SQL', 3) => SQL",
     Fixed({kString, kInt}, kString)},
    {"trim([characters, ]str)",
     "str without spaces, or the given characters, at both ends; btrim(str, characters) takes them "
     "last.",
     "trim('x', 'xxSparkSQLx') => SparkSQL",
     Fixed({kString, kString}, kString, 1),
     {.aliases = {"btrim"}}},
    {"ltrim([characters, ]str)", "str without leading spaces or characters.",
     "ltrim('Sp', 'SSparkSQLS') => arkSQLS", Fixed({kString, kString}, kString, 1)},
    {"rtrim([characters, ]str)", "str without trailing spaces or characters.",
     "rtrim('LQSa', 'SSparkSQLS') => SSpark", Fixed({kString, kString}, kString, 1)},
    {"lpad(str, len[, pad])", "str filled on the left with pad, or cut, to len characters.",
     "lpad('hi', 5, '?\?') => \?\?\?hi", Fixed({kString, kInt, kString}, kString, 1)},
    {"rpad(str, len[, pad])", "str filled on the right with pad, or cut, to len characters.",
     "rpad('hi', 5, '?\?') => hi?\?\?", Fixed({kString, kInt, kString}, kString, 1)},
    {"repeat(str, n)",
     "str n times.",
     "repeat('123', 2) => 123123",
     Fixed({kString, kInt}, kString),
     {.difference = "a result over 16 MiB is the error STRING_TOO_LONG"}},
    {"space(n)",
     "n spaces.",
     "concat(space(2), '1') =>   1",
     Fixed({kInt}, kString),
     {.difference = "a result over 16 MiB is the error STRING_TOO_LONG"}},
    {"reverse(expr)", "Characters of a string, or elements of an array, in reverse order.",
     "reverse('Spark SQL') => LQS krapS",
     [](std::span<const Argument> args) -> Result<Signature> {
       if (args.size() == 1 && args[0].type.kind() == data::TypeKind::kArray)
         return Fixed({kAnyArray}, SameAs(0))(args);
       return Fixed({kString}, kString)(args);
     }},
    {"replace(str, search[, replacement])", "Every search in str replaced, or removed.",
     "replace('ABCabc', 'abc', 'DEF') => ABCDEF", Fixed({kString, kString, kString}, kString, 1)},
    {"translate(str, from, to)",
     "Each character of from replaced by the one at its place in to, or removed.",
     "translate('AaBbCc', 'abc', '123') => A1B2C3", Fixed({kString, kString, kString}, kString)},
    {"concat(a, b, ...)",
     "The arguments one after the other: strings, binaries or arrays.",
     "concat('Spark', 'SQL') => SparkSQL",
     ResolveConcat,
     {.aliases = {"||"}}},
    {"concat_ws(sep, a, ...)",
     "Strings and arrays of strings joined by sep; NULLs are left out.",
     "concat_ws(' ', 'Spark', 'SQL') => Spark SQL",
     ResolveConcatWs,
     {.null_rule = NullRule::kHandled}},
    {"split_part(str, delimiter, n)", "Part n of str, from 1, from the end when negative.",
     "split_part('11.12.13', '.', 3) => 13", Fixed({kString, kString, kInt}, kString)},
    {"instr(str, substr)", "Position of the first substr in str, from 1; 0 when absent.",
     "instr('SparkSQL', 'SQL') => 6", Fixed({kString, kString}, kInt)},
    {"locate(substr, str[, pos])",
     "Position of substr in str at or after pos; 0 when absent.",
     "locate('bar', 'foobarbar', 5) => 7",
     Fixed({kString, kString, kInt}, kInt, 1),
     {.aliases = {"position", "charindex"}}},
    {"startswith(left, right)", "Whether left begins with right.",
     "startswith('Spark SQL', 'Spark') => true", Fixed({kText, kText}, kBoolean)},
    {"endswith(left, right)", "Whether left ends with right.",
     "endswith('Spark SQL', 'SQL') => true", Fixed({kText, kText}, kBoolean)},
    {"contains(left, right)", "Whether right is within left.",
     "contains('Spark SQL', 'Spark') => true", Fixed({kText, kText}, kBoolean)},
    {"overlay(input, replace, pos[, len])",
     "input with len characters from pos replaced; len is the length of replace when left out.",
     "overlay('Spark SQL', '_', 6) => Spark_SQL",
     Fixed({kString, kString, kInt, kInt}, kString, 1)},
    {"elt(n, a, b, ...)",
     "Argument number n, from 1.",
     "elt(1, 'scala', 'java') => scala",
     ResolveElt,
     {.null_rule = NullRule::kHandled}},
    {"find_in_set(str, list)", "Position of str in a comma-separated list; 0 when absent.",
     "find_in_set('ab','abc,b,ab,c,def') => 3", Fixed({kString, kString}, kInt)},
    {"levenshtein(a, b[, threshold])", "Edit distance of two strings; -1 above the threshold.",
     "levenshtein('kitten', 'sitting') => 3", Fixed({kString, kString, kInt}, kInt, 1)},
    {"soundex(str)", "Soundex code of an English word.", "soundex('Miller') => M460",
     Fixed({kString}, kString)},
    {"ascii(str)", "Code point of the first character; 0 of an empty string.", "ascii('234') => 50",
     Fixed({kString}, kInt)},
    {"chr(n)",
     "The character with code n modulo 256; empty when n is negative.",
     "chr(65) => A",
     Fixed({kBigint}, kString),
     {.aliases = {"char"}}},
    {"format_string(format, ...)",
     "Arguments printed by a printf format, as Java does.",
     "format_string('Hello World %d %s', 100, 'days') => Hello World 100 days",
     Variadic({kString}, kAny, kString),
     {.aliases = {"printf"},
      .difference = "conversions d s f e x o c b n and %% with the flags - 0 + , ( and space",
      .null_rule = NullRule::kHandled}},
    {"format_number(number, places)",
     "The number with thousands separators and places decimals.",
     "format_number(12332.123456, 4) => 12,332.1235",
     Fixed({kAnyNumber, kInt}, kString),
     {.difference = "the second argument is a number of places; patterns are not supported"}},
    {"mask(str[, upper[, lower[, digit[, other]]]])",
     "Letters and digits replaced by X, x and n; NULL leaves a kind as it is.",
     "mask('AbCD123-@$#') => XxXXnnn-@$#",
     Fixed({kString, kString, kString, kString, kString}, kString, 4),
     {.null_rule = NullRule::kHandled}},
    {"luhn_check(str)", "Whether the digits pass the Luhn check.",
     "luhn_check('8112189876') => true", Fixed({kString}, kBoolean)},
    {"quote(str)", "str in single quotes, quotes within escaped by a backslash.",
     R"(quote('Don''t') => 'Don\'t')", Fixed({kString}, kString)},
};

}  // namespace

std::span<const FunctionRow> StringRows() { return kRows; }

}  // namespace millrace::sql
