// Types and schemas as DDL writes them: "id STRING NOT NULL, dob STRUCT<date: TIMESTAMP>".
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "sql/plan.h"
#include "sql/syntax_parser.h"

namespace millrace::sql {
namespace {

using data::DataType;
using data::Field;

struct SimpleType {
  std::string_view name;
  data::TypeKind kind;
};
constexpr std::array<SimpleType, 18> kSimpleTypes = {{
    {"BOOLEAN", data::TypeKind::kBoolean},
    {"TINYINT", data::TypeKind::kTinyint},
    {"BYTE", data::TypeKind::kTinyint},
    {"SMALLINT", data::TypeKind::kSmallint},
    {"SHORT", data::TypeKind::kSmallint},
    {"INT", data::TypeKind::kInt},
    {"INTEGER", data::TypeKind::kInt},
    {"BIGINT", data::TypeKind::kBigint},
    {"LONG", data::TypeKind::kBigint},
    {"FLOAT", data::TypeKind::kFloat},
    {"REAL", data::TypeKind::kFloat},
    {"DOUBLE", data::TypeKind::kDouble},
    {"STRING", data::TypeKind::kString},
    {"BINARY", data::TypeKind::kBinary},
    {"DATE", data::TypeKind::kDate},
    {"TIMESTAMP", data::TypeKind::kTimestamp},
    {"TIMESTAMP_LTZ", data::TypeKind::kTimestamp},
    {"TIMESTAMP_NTZ", data::TypeKind::kTimestampNtz},
}};

constexpr int kDecimalDigitsMax = 38;
constexpr int kCharactersMax = 65'535;

}  // namespace

DataType SyntaxParser::ParseType() {
  DataType type;
  if (!Enter()) {
    Leave();
    return type;
  }
  const Token word = Peek();
  const std::string name = ExpectName("a type");
  const auto is = [&](std::string_view other) { return data::EqualsIgnoringCase(name, other); };
  if (is("DECIMAL") || is("DEC") || is("NUMERIC")) {
    type = ParseDecimalType();
  } else if (is("INTERVAL")) {
    type = ParseIntervalType();
  } else if (is("ARRAY") || is("MAP") || is("STRUCT")) {
    type = ParseNestedType(name);
  } else if (is("VARCHAR") || is("CHAR") || is("CHARACTER")) {
    ExpectSymbol("(");
    ParseSmallNumber("a length", kCharactersMax);
    ExpectSymbol(")");
    Refuse(word.where, "UNSUPPORTED_DATATYPE", fmt::format("{} is not supported", name),
           "use STRING");
  } else {
    bool known = is("VOID");
    for (const SimpleType& simple : kSimpleTypes) {
      if (!is(simple.name)) continue;
      type = DataType(simple.kind);
      known = true;
    }
    if (!known) {
      Refuse(word.where, "UNSUPPORTED_DATATYPE", fmt::format("there is no type {}", name),
             "use BOOLEAN, INT, BIGINT, DOUBLE, DECIMAL(p,s), STRING, BINARY, DATE, TIMESTAMP, "
             "ARRAY<>, MAP<>, STRUCT<> or the like");
    }
  }
  Leave();
  return type;
}

int SyntaxParser::ParseSmallNumber(std::string_view what, int max) {
  int value = 0;
  const Token& token = Peek();
  const auto read =
      std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
  if (token.kind != TokenKind::kNumber || read.ec != std::errc() || !token.suffix.empty() ||
      value > max) {
    Fail(fmt::format("{} of at most {}", what, max));
    return 0;
  }
  Advance();
  return value;
}

DataType SyntaxParser::ParseDecimalType() {
  int precision = 10, scale = 0;
  const Location where = Peek().where;
  if (AcceptSymbol("(")) {
    precision = ParseSmallNumber("a precision", kDecimalDigitsMax);
    if (AcceptSymbol(",")) scale = ParseSmallNumber("a scale", kDecimalDigitsMax);
    ExpectSymbol(")");
  }
  if (lost_) return {};
  if (precision < 1 || scale > precision) {
    Refuse(where, "INVALID_DECIMAL", "a decimal has 1 to 38 digits, and a scale within them",
           "write for instance DECIMAL(10, 2)");
    return {};
  }
  return DataType::Decimal(precision, scale);
}

// INTERVAL YEAR [TO MONTH], INTERVAL MONTH, INTERVAL DAY [TO SECOND] and what lies between.
DataType SyntaxParser::ParseIntervalType() {
  const auto unit = IntervalUnit(AtName() ? Peek().text : "");
  if (!unit) {
    Fail("a unit such as YEAR or DAY");
    return {};
  }
  Advance();
  if (AcceptWord("TO")) {
    const auto last = IntervalUnit(AtName() ? Peek().text : "");
    if (!last || last->year_month != unit->year_month) {
      Fail("a smaller unit of the same kind");
      return {};
    }
    Advance();
  }
  return unit->year_month ? DataType::IntervalYearMonth() : DataType::IntervalDayTime();
}

DataType SyntaxParser::ParseNestedType(std::string_view name) {
  // The end of ARRAY<ARRAY<INT>> is lexed as one symbol: it is split where it is met.
  const auto close = [&] {
    for (const std::string_view several : {">>>", ">>"}) {
      if (!AtSymbol(several)) continue;
      Token& token = tokens_[at_];
      token.text.pop_back();
      ++token.begin;
      ++token.where.column;
      return;
    }
    ExpectSymbol(">");
  };
  if (data::EqualsIgnoringCase(name, "STRUCT") && AcceptSymbol("<>")) {
    return DataType::Struct({});
  }
  ExpectSymbol("<");
  if (data::EqualsIgnoringCase(name, "STRUCT")) {
    std::vector<Field> fields;
    if (!AtSymbol(">")) fields = ParseFields(true);
    close();
    return DataType::Struct(std::move(fields));
  }
  const DataType first = ParseType();
  if (data::EqualsIgnoringCase(name, "ARRAY")) {
    close();
    return DataType::Array(first);
  }
  ExpectSymbol(",");
  const DataType value = ParseType();
  close();
  return DataType::Map(first, value);
}

std::vector<Field> SyntaxParser::ParseFields(bool in_struct) {
  std::vector<Field> fields;
  do {
    const Token name = Peek();
    const std::string text = ExpectName("a column name");
    AcceptSymbol(":");
    const DataType type = ParseType();
    const bool nullable = !AcceptWords({"NOT", "NULL"});
    if (AcceptWord("COMMENT")) ExpectString("a comment");
    if (lost_) break;
    if (!in_struct && (AtWord("DEFAULT") || AtWord("GENERATED"))) {
      Refuse(Peek().where, "UNSUPPORTED_FEATURE.COLUMN_DEFAULT",
             "default and generated columns are not supported",
             "compute them in a query, with coalesce() for instance");
      break;
    }
    for (const Field& other : fields) {
      if (!data::EqualsIgnoringCase(other.name, text)) continue;
      Refuse(name.where, "COLUMN_ALREADY_EXISTS", fmt::format("there are two columns {}", text),
             "rename one of them");
    }
    fields.emplace_back(text, type, nullable);
  } while (AcceptSymbol(","));
  return fields;
}

data::Schema SyntaxParser::ParseSchema() {
  data::Schema schema;
  do {
    const size_t started = at_;
    // A column at a time, so that an error in one does not hide those in others.
    std::vector<Field> fields = ParseFields(false);
    for (Field& field : fields) schema.fields.push_back(std::move(field));
    if (!lost_ && Peek().kind != TokenKind::kEnd && !AtSymbol(";")) Fail("',' or the end");
    Recover(started, true);
  } while (AcceptSymbol(","));
  ExpectEnd();
  return schema;
}

ParsedSchema ParseSchemaDdl(std::string_view text) {
  SyntaxParser parser(text);
  ParsedSchema parsed;
  parsed.schema = parser.ParseSchema();
  parsed.errors = parser.TakeErrors();
  return parsed;
}

}  // namespace millrace::sql
