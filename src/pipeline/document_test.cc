#include "pipeline/document.h"

#include <map>

#include <gtest/gtest.h>

namespace millrace::pipeline {
namespace {

Environment Fixed(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

const Environment kEnvironment = Fixed({{"HOST", "db1"}, {"EMPTY", ""}, {"EVIL", "a: [1, 2]\nb"}});

struct Replaced {
  const char* yaml;
  const char* text;
};

TEST(Variables, AreReplacedInScalars) {
  constexpr Replaced kForms[] = {
      {"x: ${HOST}", "db1"},
      {"x: http://${HOST}:80/${HOST}", "http://db1:80/db1"},
      {"x: ${EMPTY}", ""},
      {"x: ${EMPTY:-other}", "other"},
      {"x: ${MISSING:-other}", "other"},
      {"x: ${MISSING:-}", ""},
      {"x: ${HOST:-other}", "db1"},
      {"x: ${HOST:?must be set}", "db1"},
      {"x: '${MISSING:-http://h:1/?a=b}'", "http://h:1/?a=b"},
      {"x: $${HOST}", "${HOST}"},
      {"x: 'a$${b}${HOST}c'", "a${b}db1c"},
      {"x: $HOST", "$HOST"},
      {"x: 5$", "5$"},
  };
  for (const Replaced& form : kForms) {
    Problems problems;
    const Node root = ParseDocument("p.yaml", form.yaml, kEnvironment, problems);
    ASSERT_TRUE(problems.empty()) << form.yaml << ": " << problems[0].ToString();
    EXPECT_EQ(root.Find("x")->text, form.text) << form.yaml;
  }
}

TEST(Variables, NeverAddStructure) {
  Problems problems;
  const Node root = ParseDocument("p.yaml", "x: ${EVIL}\n${HOST}: y\n", kEnvironment, problems);
  EXPECT_TRUE(problems.empty());
  ASSERT_EQ(root.members.size(), 2U);
  EXPECT_EQ(root.Find("x")->kind, Node::Kind::kScalar);
  EXPECT_EQ(root.Find("x")->text, "a: [1, 2]\nb");
  EXPECT_NE(root.Find("${HOST}"), nullptr);  // keys are names, not values
}

TEST(Variables, SayWhichOneIsMissingAndWhere) {
  constexpr Replaced kForms[] = {
      {"a: 1\nx: ${MISSING}",
       "p.yaml:2:4: error: environment variable MISSING is not set (set it, or write "
       "${MISSING:-default})"},
      {"x: ${MISSING:?the token of the API}",
       "p.yaml:1:4: error: environment variable MISSING: the token of the API"},
      {"x: ${EMPTY:?must be set}", "p.yaml:1:4: error: environment variable EMPTY: must be set"},
      {"x: ${HOST-other}",
       "p.yaml:1:4: error: \"${HOST-other}\" is not ${NAME}, ${NAME:-default} or "
       "${NAME:?message}"},
      {"x: ${}", "p.yaml:1:4: error: \"${}\" is not ${NAME}, ${NAME:-default} or ${NAME:?message}"},
      {"x: a${HOST", "p.yaml:1:4: error: \"${\" without its \"}\" (write $${ for a plain ${)"},
  };
  for (const Replaced& form : kForms) {
    Problems problems;
    ParseDocument("p.yaml", form.yaml, kEnvironment, problems);
    ASSERT_EQ(problems.size(), 1U) << form.yaml;
    EXPECT_EQ(problems[0].ToString(), form.text);
  }
}

TEST(Variables, StayWithoutAnEnvironment) {
  Problems problems;
  EXPECT_EQ(ParseDocument("p.yaml", "x: ${HOST}", {}, problems).Find("x")->text, "${HOST}");
}

TEST(ParseDocument, KnowsWhereEverythingStands) {
  Problems problems;
  const Node root = ParseDocument("p.yaml", "a:\n  b: [x, 'y']\n  c: |\n    text\n  d: >-\n    t\n",
                                  {}, problems);
  const Node* a = root.Find("a");
  EXPECT_EQ(a->key_where, (sql::Location{1, 1}));
  EXPECT_EQ(a->Find("b")->key_where, (sql::Location{2, 3}));
  EXPECT_EQ(a->Find("b")->items[1].where, (sql::Location{2, 10}));
  EXPECT_TRUE(a->Find("b")->items[1].quoted);
  EXPECT_FALSE(a->Find("b")->items[1].block);
  EXPECT_FALSE(a->Find("b")->items[0].quoted);
  EXPECT_TRUE(a->Find("c")->block);
  EXPECT_FALSE(a->Find("c")->folded);
  EXPECT_EQ(a->Find("c")->where, (sql::Location{3, 6}));
  EXPECT_TRUE(a->Find("d")->folded);
}

TEST(ParseDocument, RefusesWhatIsNoSingleDocument) {
  constexpr Replaced kForms[] = {
      {"a: 1\nb: 2\na: 3\n", "p.yaml:3:1: error: key \"a\" stands here twice (remove one of them)"},
      {"a: 1\n---\nb: 2\n",
       "p.yaml:1:1: error: more than one YAML document (keep one; remove the ---)"},
      {"? [a, b]\n: 1\n", "p.yaml:1:3: error: a key must be plain text"},
  };
  for (const Replaced& form : kForms) {
    Problems problems;
    ParseDocument("p.yaml", form.yaml, kEnvironment, problems);
    ASSERT_EQ(problems.size(), 1U) << form.yaml;
    EXPECT_EQ(problems[0].ToString(), form.text);
  }
  Problems problems;
  EXPECT_EQ(ParseDocument("p.yaml", "a: [1, 2\nb: 3", kEnvironment, problems).kind,
            Node::Kind::kNull);
  EXPECT_EQ(problems.size(), 1U);
}

TEST(ParseDocument, BoundsDepthAndAliases) {
  Problems deep;
  ParseDocument("p.yaml", std::string(70, '[') + std::string(70, ']'), {}, deep);
  ASSERT_FALSE(deep.empty());
  EXPECT_NE(deep[0].message.find("nested deeper"), std::string::npos);

  // Each level names the one before nine times: 9^7 values in a few lines.
  std::string bomb = "a0: &a0 x\n";
  for (int i = 1; i < 8; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 9; ++j) bomb += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    bomb += "]\n";
  }
  Problems wide;
  ParseDocument("p.yaml", bomb, {}, wide);
  ASSERT_EQ(wide.size(), 1U);
  EXPECT_NE(wide[0].message.find("200000 values"), std::string::npos);
}

}  // namespace
}  // namespace millrace::pipeline
