#include "extract/page.h"

#include <gtest/gtest.h>

#include "extract/auth.h"
#include "extract/cursor.h"
#include "extract/harness.h"

namespace millrace::extract {
namespace {

TEST(NextLink, FollowsRfc8288) {
  const std::pair<const char*, const char*> cases[] = {
      {R"(<https://a/?p=2>; rel="next", <https://a/?p=9>; rel="last")", "https://a/?p=2"},
      {R"(<https://a/?p=1>; rel="prev", <https://a/?p=3>; rel=next)", "https://a/?p=3"},
      {R"(<b?x=1,2;3>; title="a, b; rel=next"; rel="first next")", "b?x=1,2;3"},
      {R"(<c> ; foo=bar ; REL="Next")", "c"},
      {R"(<d>; rel="nextish", <e>; rel=next)", "e"},
      {R"(<d>; rel="next)", ""},  // the quote is not closed
      {R"(<f>; rev="next")", ""},
      {R"(<g; rel="next")", ""},
      {"", ""},
      {R"(rel="next")", ""},
      {R"(<h>; rel=")", ""},
  };
  for (const auto& [header, expected] : cases)
    EXPECT_EQ(NextLink({{"Link", header}}), expected) << header;
  EXPECT_EQ(NextLink({{"link", "<a>; rel=prev"}, {"LINK", "<b>; rel=next"}}), "b");
}

TEST(SetParameter, ReplacesOrAppends) {
  auto url = *io::ParseHttpUrl("https://h/p?a=1&page=1&b=2&page=7");
  SetParameter(url, "page", "2 x");
  EXPECT_EQ(url.query, "a=1&b=2&page=2%20x");
  url.query.clear();
  SetParameter(url, "p", "1");
  EXPECT_EQ(url.ToString(), "https://h/p?p=1");
}

TEST(Cursor, EncodingGivesItBack) {
  for (const auto& value :
       {std::optional<data::JsonScalar>(),
        std::optional(data::JsonScalar{data::JsonScalar::Kind::kNumber, "12"}),
        std::optional(data::JsonScalar{data::JsonScalar::Kind::kString, std::string("a\0b", 3)})}) {
    const Cursor cursor{
        .value = value, .etag = "\"e\"", .last_modified = "m", .url_hash = 77, .run_id = "r"};
    const std::string bytes = *EncodeCursor("d/t", cursor).value;
    EXPECT_EQ(*DecodeCursor(bytes), cursor);
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(DecodeCursor(bytes.substr(0, size))) << size;
  }
}

TEST(Cursor, ComparesNumbersByValueAndStringsByBytes) {
  using data::JsonScalar;
  const auto number = [](std::string text) {
    return JsonScalar{JsonScalar::Kind::kNumber, std::move(text)};
  };
  const auto text = [](std::string value) {
    return JsonScalar{JsonScalar::Kind::kString, std::move(value)};
  };
  EXPECT_TRUE(*IsAfter(number("10"), number("9")));
  EXPECT_FALSE(*IsAfter(number("9007199254740992"), number("9007199254740993")));
  EXPECT_TRUE(*IsAfter(number("1e3"), number("999.5")));
  EXPECT_TRUE(*IsAfter(text("9"), text("10")));
  EXPECT_FALSE(IsAfter(text("9"), number("10")));
  EXPECT_FALSE(IsAfter(JsonScalar{JsonScalar::Kind::kBoolean, "true"},
                       JsonScalar{JsonScalar::Kind::kBoolean, "true"}));
}

TEST(CheckSource, NamesEveryMistake) {
  HttpSourceSpec spec;
  spec.url = "ftp://h/";
  spec.method = "PUT";
  spec.select = "results";
  spec.key = "$.a.";
  spec.allow_private = {"10.0.0.1/8"};
  spec.auth.kind = AuthKind::kBasic;
  spec.paginate.kind = PageKind::kCursor;
  spec.commit_every_pages = 1;
  spec.limits.pages = 0;
  spec.headers = {{"a b", "x"}, {"c", "{{ y }}"}};
  std::set<std::string> settings;
  for (const auto& mistake : CheckSource(spec)) settings.insert(mistake.setting);
  EXPECT_EQ(settings, (std::set<std::string>{"topic", "method", "select", "key", "allow_private",
                                             "auth.secret", "auth.user", "paginate.parameter",
                                             "paginate.path", "commit_every", "limits.pages",
                                             "headers.a b", "headers.c"}));
  EXPECT_TRUE(CheckSource(Harness::LocalSpec("http://127.0.0.1/")).empty());
  spec = Harness::LocalSpec("http://api.example.com/");
  spec.allow_private.clear();
  EXPECT_EQ(CheckSource(spec).at(0).setting, "url");
  spec.url = "https://me:pw@api.example.com/";
  EXPECT_EQ(CheckSource(spec).at(0).setting, "url");
}

TEST(HostLimits, SharesOneBucketAHost) {
  io::VirtualClock clock(TimestampUs(0));
  HostLimits limits(clock);
  CancelToken cancelled;
  cancelled.Cancel();
  // A cancelled token turns every wait into an error: what passes did not wait.
  EXPECT_TRUE(limits.Acquire("a", 2, 3, &cancelled));
  EXPECT_TRUE(limits.Acquire("a", 2, 3, &cancelled));
  EXPECT_TRUE(limits.Acquire("a", 2, 3, &cancelled));
  EXPECT_FALSE(limits.Acquire("a", 2, 3, &cancelled));
  EXPECT_TRUE(limits.Acquire("b", 2, 3, &cancelled));
  clock.Advance(
      std::chrono::milliseconds(1000));  // the refused one took a token, as a waiter's place
  EXPECT_TRUE(limits.Acquire("a", 2, 3, &cancelled));
  EXPECT_FALSE(limits.Acquire("a", 2, 3, &cancelled));
  limits.Pause("b", std::chrono::seconds(5));
  EXPECT_FALSE(limits.Acquire("b", 0, 1, &cancelled));
  clock.Advance(std::chrono::seconds(5));
  EXPECT_TRUE(limits.Acquire("b", 0, 1, &cancelled));
}

TEST(ReadSecret, TakesEnvironmentAndFiles) {
  setenv("MILLRACE_TEST_SECRET", "s3", 1);
  EXPECT_EQ(ReadSecret("env:MILLRACE_TEST_SECRET")->Reveal(), "s3");
  EXPECT_EQ(ReadSecret("env:MILLRACE_TEST_NOTHING").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReadSecret("plain-secret").error().message.find("plain-secret"), std::string::npos);
  const std::string path = testing::TempDir() + "/secret";
  FILE* file = fopen(path.c_str(), "w");
  fputs("line\n", file);
  fclose(file);
  EXPECT_EQ(ReadSecret("file:" + path)->Reveal(), "line");
  EXPECT_EQ(ReadSecret("file:/nonexistent/x").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace millrace::extract
