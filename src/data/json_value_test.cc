#include "data/json_value.h"

#include <gtest/gtest.h>

namespace millrace::data {
namespace {

TEST(JsonValue, ReadsEveryKindAndWritesItAgain) {
  constexpr std::string_view kText =
      R"({"a":[1,-2,18446744073709551615,0.5,true,false,null],"b":{"c":"ü\"\n"},"d":""})";
  const auto value = ParseJson(kText);
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(ToJson(*value), kText);
  EXPECT_EQ(value->Find("b")->Find("c")->text, "ü\"\n");
  EXPECT_EQ(value->Find("a")->items[3].kind, JsonValue::Kind::kReal);
  EXPECT_EQ(value->Find("a")->items[2].text, "18446744073709551615");
  EXPECT_EQ(value->Find("e"), nullptr);
  EXPECT_EQ(value->Find("d")->Find("e"), nullptr);
}

TEST(JsonValue, RefusesWhatIsNoDocument) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("{} {}"), std::string("{a:1}"),
        std::string("[1,]"), std::string("\"\xff\""), std::string("99999999999999999999999"),
        std::string(65, '[') + std::string(65, ']'), std::string(1 << 20, '[')}) {
    const auto value = ParseJson(text);
    ASSERT_FALSE(value) << text.substr(0, 40);
    EXPECT_EQ(value.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(ParseJson(std::string(63, '[') + std::string(63, ']')));
}

}  // namespace
}  // namespace millrace::data
