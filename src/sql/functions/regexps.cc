#include <span>

#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

// Said once for every function that takes a regular expression.
constexpr std::string_view kRe2 =
    "patterns are RE2's: linear time, no look-around, back-references or possessive quantifiers";

const data::DataType kStrings = data::DataType::Array(data::DataType::String());

const FunctionRow kRows[] = {
    {"like(str, pattern[, escape])", "str LIKE pattern: % is any text, _ any one character.",
     "'Spark' LIKE 'S_a%' => true", Fixed({kString, kString, kString}, kBoolean, 1)},
    {"ilike(str, pattern[, escape])", "As like, ignoring case.", "'Spark' ILIKE '_PARK' => true",
     Fixed({kString, kString, kString}, kBoolean, 1)},
    {"rlike(str, regexp)",
     "Whether regexp matches anywhere in str.",
     "'Spark 4' RLIKE '[0-9]' => true",
     Fixed({kString, kString}, kBoolean),
     {.aliases = {"regexp", "regexp_like"}, .difference = kRe2}},
    {"regexp_extract(str, regexp[, group])",
     "The group (1 when left out) of the first match; empty when there is none.",
     "regexp_extract('100-200', '([0-9]+)-([0-9]+)', 1) => 100",
     Fixed({kString, kString, kInt}, kString, 1),
     {.difference = kRe2}},
    {"regexp_extract_all(str, regexp[, group])",
     "The group of every match.",
     "regexp_extract_all('100-200, 300-400', '([0-9]+)-([0-9]+)', 1) => [100, 300]",
     Fixed({kString, kString, kInt}, kStrings, 1),
     {.difference = kRe2}},
    {"regexp_replace(str, regexp, replacement[, position])",
     "Every match from position replaced; $1 stands for group 1.",
     "regexp_replace('100-200', '([0-9]+)', 'num') => num-num",
     Fixed({kString, kString, kString, kInt}, kString, 1),
     {.difference = kRe2}},
    {"regexp_count(str, regexp)",
     "Number of matches.",
     "regexp_count('Steven Jones', 'e') => 3",
     Fixed({kString, kString}, kInt),
     {.difference = kRe2}},
    {"regexp_instr(str, regexp)",
     "Position of the first match, from 1; 0 when there is none.",
     "regexp_instr('user@spark.apache.org', '@[^.]*') => 5",
     Fixed({kString, kString, kInt}, kInt, 1),
     {.difference = kRe2}},
    {"regexp_substr(str, regexp)",
     "The first match; NULL when there is none.",
     "regexp_substr('Steven Jones', 'Ste(v|ph)en') => Steven",
     Fixed({kString, kString}, kString),
     {.difference = kRe2}},
    {"split(str, regexp[, limit])",
     "Parts of str between matches, at most limit when positive.",
     "split('oneAtwoBthreeC', '[ABC]') => [one, two, three, ]",
     Fixed({kString, kString, kInt}, kStrings, 1),
     {.difference = kRe2}},
};

}  // namespace

std::span<const FunctionRow> RegexpRows() { return kRows; }

}  // namespace millrace::sql
