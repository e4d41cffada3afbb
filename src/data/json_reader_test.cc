#include "data/json_reader.h"

#include <algorithm>
#include <iterator>
#include <random>

#include <gtest/gtest.h>

#include "data/json_plain_reading.h"

namespace millrace::data {
namespace {

constexpr size_t kPadding = 64;

// Records with the padding that the reader wants, and rubbish in it that it must not read.
class Records {
 public:
  void Add(std::string_view text) {
    texts_.push_back(std::string(text) + std::string(kPadding, '}'));
    sizes_.push_back(text.size());
  }
  std::vector<std::string_view> Views() const {
    std::vector<std::string_view> views;
    for (size_t i = 0; i < texts_.size(); ++i)
      views.push_back(std::string_view(texts_[i]).substr(0, sizes_[i]));
    return views;
  }

 private:
  std::vector<std::string> texts_;
  std::vector<size_t> sizes_;
};

struct Read {
  Batch batch;
  RowErrors errors;
  Value Row(size_t row) const {
    Value::List fields;
    for (const ColumnPtr& column : batch.columns) fields.push_back(column->ValueAt(row));
    return Value::ListOf(std::move(fields));
  }
};

// ReadGood gives the same rows and errors, strings with escapes among them.
void ExpectGoodOnesAlike(const Schema& schema, const std::shared_ptr<const Records>& records,
                         const Read& read) {
  const auto reader = JsonReader::Make(schema).value();
  Read good{{}, RowErrors(read.batch.rows)};
  std::vector<uint32_t> rows;
  good.batch = reader->ReadGood(records->Views(), records, good.errors, rows);
  ASSERT_EQ(good.batch.rows, rows.size());
  ASSERT_EQ(rows.size() + good.errors.count(), read.batch.rows);
  ASSERT_EQ(good.errors.count(), read.errors.count());
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_FALSE(read.errors.Has(rows[i]));
    ASSERT_EQ(good.Row(i), read.Row(rows[i])) << rows[i];
  }
  for (size_t i = 0; i < good.errors.count(); ++i) {
    const RowError& error = read.errors.errors()[i];
    ASSERT_EQ(good.errors.errors()[i].row, error.row);
    ASSERT_EQ(good.errors.errors()[i].message, error.message);
  }
}

Read ReadAll(const Schema& schema, const std::vector<std::string>& texts) {
  const auto records = std::make_shared<Records>();
  for (const std::string& text : texts) records->Add(text);
  auto reader = JsonReader::Make(schema);
  Read read{{}, RowErrors(texts.size())};
  EXPECT_TRUE(reader.has_value());
  if (!reader) return read;
  read.batch = (*reader)->Read(records->Views(), read.errors);
  ExpectGoodOnesAlike(schema, records, read);
  return read;
}

std::string ReadOne(const DataType& type, const std::string& json_value) {
  const Schema schema{{Field("v", type)}};
  const Read read = ReadAll(schema, {"{\"v\":" + json_value + "}"});
  if (!read.errors.empty()) return read.errors.errors()[0].condition;
  return FormatValue(type, read.batch.columns[0]->ValueAt(0));
}

TEST(JsonReaderTest, ScalarsByType) {
  EXPECT_EQ(ReadOne(DataType::String(), R"("a\"\\\/\b\u00e9\ud83d\ude00")"), "a\"\\/\b\u00e9😀");
  EXPECT_EQ(ReadOne(DataType::String(), "12345"), "12345");
  EXPECT_EQ(ReadOne(DataType::String(), "1.50e3 "), "1.50e3");
  EXPECT_EQ(ReadOne(DataType::String(), " true"), "true");
  EXPECT_EQ(ReadOne(DataType::String(), R"({"a": [1, "x y"]})"), R"({"a":[1,"x y"]})");
  EXPECT_EQ(ReadOne(DataType::String(), "null"), "NULL");
  EXPECT_EQ(ReadOne(DataType::String(), "nope"), "MALFORMED_JSON");
  EXPECT_EQ(ReadOne(DataType::String(), R"("\x")"), "MALFORMED_JSON");
  EXPECT_EQ(ReadOne(DataType::String(), R"("\ud83d")"), "MALFORMED_JSON");
  EXPECT_EQ(ReadOne(DataType::Int(), "-12"), "-12");
  EXPECT_EQ(ReadOne(DataType::Int(), "3000000000"), "JSON_TYPE_MISMATCH");
  EXPECT_EQ(ReadOne(DataType::Int(), "012"), "JSON_TYPE_MISMATCH");
  EXPECT_EQ(ReadOne(DataType::Int(), "1.0"), "JSON_TYPE_MISMATCH");
  EXPECT_EQ(ReadOne(DataType::Int(), "\"1\""), "JSON_TYPE_MISMATCH");
  EXPECT_EQ(ReadOne(DataType::Tinyint(), "-128"), "-128");
  EXPECT_EQ(ReadOne(DataType::Tinyint(), "128"), "JSON_TYPE_MISMATCH");
  EXPECT_EQ(ReadOne(DataType::Bigint(), "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(ReadOne(DataType::Double(), "1e400"), "Infinity");
  EXPECT_EQ(ReadOne(DataType::Double(), "\"NaN\""), "NaN");
  EXPECT_EQ(ReadOne(DataType::Double(), ".5"), "JSON_TYPE_MISMATCH");
  EXPECT_EQ(ReadOne(DataType::Decimal(5, 2), "123.455"), "123.46");
  EXPECT_EQ(ReadOne(DataType::Decimal(5, 2), "1234.5"), "JSON_TYPE_MISMATCH");
  EXPECT_EQ(ReadOne(DataType::Boolean(), "1"), "JSON_TYPE_MISMATCH");
  EXPECT_EQ(ReadOne(DataType::Binary(), "\"aGk=\""), "hi");
  EXPECT_EQ(ReadOne(DataType::Date(), "\"2024-02-29\""), "2024-02-29");
  EXPECT_EQ(ReadOne(DataType::Date(), "\"2023-02-29\""), "JSON_TYPE_MISMATCH");
  EXPECT_EQ(ReadOne(DataType::Timestamp(), "\"2024-02-29T01:02:03.5+02:00\""),
            "2024-02-28 23:02:03.5");
  EXPECT_EQ(ReadOne(DataType::Timestamp(), "1"), "1970-01-01 00:00:01");
  EXPECT_EQ(ReadOne(DataType::TimestampNtz(), "\"2024-02-29T01:02:03\""), "2024-02-29 01:02:03");
  EXPECT_EQ(ReadOne(DataType::Array(DataType::Int()), "[1, null,3]"), "[1, NULL, 3]");
  EXPECT_EQ(ReadOne(DataType::Array(DataType::Int()), "[1,]"), "MALFORMED_JSON");
}

TEST(JsonReaderTest, RowsThatCannotBeReadAreErrorsWithTheirPlace) {
  const Schema schema{{Field("a", DataType::Struct({{"b", DataType::Int()}})),
                       Field("tags", DataType::Array(DataType::Int()))}};
  const Read read =
      ReadAll(schema, {R"({"a":{"b":1},"tags":[1,2]})", R"({"tags":[7,8],"a":{"b":"x"}})",
                       R"({"tags":[3,"x"]})", "[1]", "", "{\"a\":", R"({"a":{}} x)",
                       R"({"x":[[{]}]})", R"({"tags":[4]})"});
  std::vector<std::string> found;
  for (const RowError& error : read.errors.errors())
    found.push_back(fmt::format("{} {}", error.row, error.condition));
  EXPECT_EQ(fmt::format("{}", fmt::join(found, ", ")),
            "1 JSON_TYPE_MISMATCH, 2 JSON_TYPE_MISMATCH, 3 MALFORMED_JSON, 4 MALFORMED_JSON, "
            "5 MALFORMED_JSON, 6 MALFORMED_JSON, 7 MALFORMED_JSON");
  EXPECT_NE(read.errors.errors()[0].message.find("field a.b: '\"x\"'"), std::string::npos);
  EXPECT_NE(read.errors.errors()[1].message.find("field tags[]"), std::string::npos);
  EXPECT_EQ(FormatValue(*schema.fields[1].type, read.batch.columns[1]->ValueAt(8)), "[4]");
  EXPECT_TRUE(read.batch.columns[1]->IsNull(2));
  EXPECT_EQ(read.batch.columns[1]->children()[0]->length(), 3u);  // nothing left of refused rows
}

TEST(JsonReaderTest, TombstonesAreErrors) {
  auto reader = JsonReader::Make({{Field("a", DataType::Int())}});
  const std::string_view none;
  RowErrors errors(1);
  (*reader)->Read({&none, 1}, errors);
  ASSERT_EQ(errors.count(), 1u);
  EXPECT_EQ(errors.errors()[0].condition, "NULL_VALUE");
}

TEST(JsonReaderTest, IntervalsAreRefused) {
  EXPECT_EQ(JsonReader::Make({{Field("i", DataType::IntervalDayTime())}}).error().code,
            ErrorCode::kUnsupported);
}

// Random schemas, records of them (with fields missing, repeated, unknown, in any order, in any
// white space), and damaged copies: the same as the plain reading, batch for batch.
class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  size_t Below(size_t bound) { return random_() % bound; }

  DataType Type(int depth) {
    static const std::vector<DataType> kFlat = {
        DataType::Boolean(), DataType::Int(),    DataType::Bigint(),   DataType::Double(),
        DataType::String(),  DataType::String(), DataType::Timestamp()};
    const size_t kind = Below(depth > 0 ? 10 : 7);
    if (kind < 7) return kFlat[kind];
    if (kind == 7) return DataType::Array(Type(depth - 1));
    if (kind == 8) return DataType::Map(DataType::String(), Type(depth - 1));
    return Struct(depth - 1);
  }

  DataType Struct(int depth) {
    std::vector<Field> fields;
    const size_t count = 1 + Below(6);
    for (size_t i = 0; i < count; ++i)
      fields.emplace_back(fmt::format("{}{}", Below(4) == 0 ? "a rather long field name " : "f", i),
                          Type(depth));
    return DataType::Struct(std::move(fields));
  }

  std::string Blank() { return Below(4) == 0 ? std::string(1 + Below(3), " \n\t"[Below(3)]) : ""; }

  std::string Text() {
    static constexpr std::string_view kPieces[] = {"a",
                                                   "xyz",
                                                   "\\n",
                                                   "\\\"",
                                                   "\\u00e4",
                                                   "ß",
                                                   "漢",
                                                   "\\\\",
                                                   "{",
                                                   "]",
                                                   ":",
                                                   ",",
                                                   "\\ud83d\\ude00",
                                                   " ",
                                                   "0123456789abcdef"};
    std::string text = "\"";
    for (size_t i = Below(6); i > 0; --i) text += kPieces[Below(std::size(kPieces))];
    return text + "\"";
  }

  std::string Scalar(const DataType& type) {
    switch (type.kind()) {
      case TypeKind::kBoolean:
        return Below(2) == 0 ? "true" : "false";
      case TypeKind::kInt:
        return fmt::format("{}", static_cast<int32_t>(random_()));
      case TypeKind::kBigint:
        return fmt::format("{}", static_cast<int64_t>(uint64_t{random_()} << 32 | random_()));
      case TypeKind::kDouble:
        return fmt::format("{}{}.{}e{}", Below(2) == 0 ? "-" : "", Below(1000), Below(1000),
                           Below(9));
      case TypeKind::kTimestamp:
        return fmt::format("\"20{:02}-0{}-1{}T0{}:5{}:00.{:03}Z\"", Below(100), 1 + Below(9),
                           Below(10), Below(10), Below(10), Below(1000));
      default:
        return Text();
    }
  }

  std::string Json(const DataType& type) {
    const size_t luck = Below(20);
    if (luck == 0) return "null";
    if (luck == 1 && Below(6) == 0) return Scalar(Type(0));
    if (type.kind() == TypeKind::kStruct) return Object(type);
    if (!type.is_nested()) return Scalar(type);
    const bool is_map = type.kind() == TypeKind::kMap;
    std::string text = is_map ? "{" : "[";
    const size_t count = Below(4);
    for (size_t i = 0; i < count; ++i) {
      text += Blank();
      if (is_map) text += Text() + Blank() + ":" + Blank();
      text += Json(is_map ? type.map_value() : type.element()) + Blank();
      if (i + 1 < count) text += ",";
    }
    return text + Blank() + (is_map ? "}" : "]");
  }

  std::string Object(const DataType& type) {
    std::vector<std::string> members;
    for (const Field& field : type.fields()) {
      for (size_t copies = Below(12) == 0 ? Below(3) : 1; copies > 0; --copies)
        members.push_back(
            fmt::format("\"{}\"{}:{}{}", field.name, Blank(), Blank(), Json(*field.type)));
      if (Below(6) == 0) members.push_back("\"unknown\":" + Json(Type(2)));
    }
    if (Below(8) == 0) std::ranges::shuffle(members, random_);
    return fmt::format("{{{}{}{}}}", Blank(), fmt::join(members, Blank() + "," + Blank()), Blank());
  }

  // A record of the same shape, most likely with other values.
  std::string OtherDigits(std::string text) {
    for (char& c : text) {
      if (c >= '1' && c <= '9') c = static_cast<char>('1' + Below(9));
    }
    return text;
  }

  std::string Damaged(std::string text) {
    for (size_t i = 1 + Below(3); i > 0 && !text.empty(); --i) {
      const size_t at = Below(text.size());
      if (Below(3) == 0) {
        text.erase(at, 1 + Below(4));
      } else {
        text[at] = "{}[]:,\"\\0e-.tn x\xff"[Below(18)];
      }
    }
    return text;
  }

 private:
  std::mt19937 random_;
};

// Reads the texts as one batch and holds every row against the plain reading.
struct Comparison {
  size_t compared = 0;
  size_t refused = 0;

  void Run(const DataType& type, const std::vector<std::string>& texts) {
    simdjson::dom::parser parser;
    const Read read = ReadAll({type.fields()}, texts);
    for (size_t row = 0; row < texts.size(); ++row) {
      simdjson::dom::element element;
      const bool json = !parser.parse(texts[row]).get(element) && element.is_object();
      const auto plain = json ? PlainValue(element, type) : std::nullopt;
      if (plain) {
        ASSERT_FALSE(read.errors.Has(row))
            << type.ToString() << read.errors.errors()[0].message << ' ' << texts[row];
        ASSERT_EQ(read.Row(row), *plain) << texts[row];
        ++compared;
      } else if (json && !read.errors.Has(row)) {
        // The plain reading knows no text of other values: the reader may give a string for those.
        ASSERT_NE(type.ToString().find("string"), std::string::npos)
            << type.ToString() << texts[row];
      } else {
        ++refused;
      }
    }
  }
};

// Each record is read as it is alone, when no earlier one has taught the reader a shape.
void ExpectRowsAsAlone(const Schema& schema, const std::vector<std::string>& texts) {
  const Read together = ReadAll(schema, texts);
  size_t errors = 0;
  for (size_t row = 0; row < texts.size(); ++row) {
    const Read alone = ReadAll(schema, {texts[row]});
    ASSERT_EQ(together.errors.Has(row), alone.errors.Has(0)) << texts[row];
    if (alone.errors.empty()) {
      ASSERT_EQ(together.Row(row), alone.Row(0)) << texts[row];
    } else {
      ASSERT_EQ(together.errors.errors()[errors++].message, alone.errors.errors()[0].message)
          << texts[row];
    }
  }
}

TEST(JsonReaderTest, ReadsAsThePlainReadingDoes) {
  Comparison comparison;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    Generator generator(seed);
    const DataType type = generator.Struct(3);
    std::vector<std::string> texts;
    for (size_t i = 0; i < 60; ++i) {
      texts.push_back(generator.Object(type));
      if (i % 3 == 2) texts.back() = generator.Damaged(texts.back());
    }
    comparison.Run(type, texts);
  }
  EXPECT_GT(comparison.compared, 15000u);
  EXPECT_GT(comparison.refused, 2000u);
}

// Records of one shape in a row, as real ones are, with damaged ones and ones of other shapes
// among them.
TEST(JsonReaderTest, ReadsRecordsOfOneShapeAsThePlainReadingDoes) {
  Comparison comparison;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    Generator generator(1000 + seed);
    const DataType type = generator.Struct(3);
    const std::string shape = generator.Object(type);
    std::vector<std::string> texts;
    for (size_t i = 0; i < 80; ++i) {
      texts.push_back(generator.OtherDigits(shape));
      if (generator.Below(8) == 0) texts.back() = generator.Damaged(texts.back());
      if (generator.Below(16) == 0) texts.back() = generator.Object(type);
    }
    comparison.Run(type, texts);
    if (seed % 4 == 0) ExpectRowsAsAlone({type.fields()}, texts);
  }
  EXPECT_GT(comparison.compared, 10000u);
  EXPECT_GT(comparison.refused, 2000u);
}

constexpr std::string_view kShape =
    R"({"a":1,"b":{"c":"x","d":{"e":true,"f":[1,{"g":2}]}},"n":null,"s":{"t":[3]},"u":"yz"})";

// Records of a shape before each one that differs, so that the shape is worth trying.
constexpr size_t kUsual = 6;

Schema ShapeSchema() {
  const DataType d = DataType::Struct({{"e", DataType::Boolean()}});
  return {{Field("a", DataType::Int()), Field("s", DataType::String()),
           Field("b", DataType::Struct({{"c", DataType::String()}, {"d", d}})),
           Field("u", DataType::String())}};
}

// One byte of a record that is of the shape otherwise.
TEST(JsonReaderTest, NoChangeOfAShapesBytesIsOverlooked) {
  for (size_t at = 0; at < kShape.size(); ++at) {
    std::vector<std::string> texts;
    for (const char c : std::string_view("{}[]:,\"\\ 1x")) {
      texts.insert(texts.end(), kUsual + 1, std::string(kShape));
      texts.back()[at] = c;
    }
    for (const std::string_view behind : {"}", " x", "{}", ",", "\"\""}) {
      texts.insert(texts.end(), kUsual + 1, std::string(kShape));
      texts.back() += behind;
    }
    ExpectRowsAsAlone(ShapeSchema(), texts);
  }
}

// What stands behind a cut record in memory, here its own rest, is not read.
TEST(JsonReaderTest, CutRecordsOfAShapeAreMalformed) {
  Records records;
  records.Add(kShape);
  const std::string_view whole = records.Views()[0];
  std::vector<std::string_view> views;
  for (size_t size = 0; size < whole.size(); ++size) {
    views.insert(views.end(), kUsual, whole);
    views.push_back(whole.substr(0, size));
  }
  const auto reader = JsonReader::Make(ShapeSchema()).value();
  Read read{{}, RowErrors(views.size())};
  read.batch = reader->Read(views, read.errors);
  for (size_t row = 0; row < views.size(); ++row) {
    ASSERT_EQ(read.errors.Has(row), row % (kUsual + 1) == kUsual) << views[row];
    if (!read.errors.Has(row)) {
      ASSERT_EQ(read.Row(row), read.Row(0));
    }
  }
}

TEST(JsonReaderTest, AShapeIsLearntAgainWhenRecordsChange) {
  const Schema schema{
      {Field("a", DataType::Int()), Field("b", DataType::Struct({{"c", DataType::String()}}))}};
  std::vector<std::string> texts;
  const auto add = [&](size_t count, const std::string& text) {
    texts.insert(texts.end(), count, text);
  };
  add(600, R"({"a":1,"b":{"c":"x"}})");
  add(600, R"({"b":{"c":"x"},"a":1})");
  for (size_t i = 0; i < 600; ++i) add(1, i % 2 == 0 ? R"({"a":1})" : R"({"b":{"c":"x","d":[1]}})");
  add(1, R"({"a":1,"b":{"c":"\u0078"},"b":{"c":"x"}})");
  add(600, R"({"a":1,"b":{"c":"x"}, "z":[{"y":2}]})");
  const Read read = ReadAll(schema, texts);
  EXPECT_TRUE(read.errors.empty());
  for (size_t row = 0; row < texts.size(); ++row) {
    ASSERT_EQ(read.batch.columns[0]->IsNull(row), texts[row].find("\"a\"") == std::string::npos);
    ASSERT_EQ(read.batch.columns[1]->IsNull(row), texts[row].find("\"b\"") == std::string::npos);
  }
}

}  // namespace
}  // namespace millrace::data
