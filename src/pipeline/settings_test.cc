#include "pipeline/settings.h"

#include <set>

#include <gtest/gtest.h>

#include "io/clock.h"
#include "io/file_system.h"
#include "pipeline/fixture.h"

namespace millrace::pipeline {
namespace {

Problems CheckText(const std::string& text) {
  Problems problems;
  const Environment none = [](const std::string&) { return std::nullopt; };
  const Node root = ParseDocument("p.yaml", text, none, problems);
  if (problems.empty()) CheckAgainstSettings("p.yaml", root, problems);
  return problems;
}

std::vector<std::string> Lines(const Problems& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(problem.ToString());
  return lines;
}

std::string ParentOf(std::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? "" : std::string(path.substr(0, dot));
}

bool IsChoice(const Setting& setting, std::string_view text) {
  return fmt::format("|{}|", setting.choices).find(fmt::format("|{}|", text)) != std::string::npos;
}

TEST(SettingsTable, EveryPathIsUniqueAndHangsOnAMapOrList) {
  std::set<std::string_view> seen;
  for (const Setting& setting : AllSettings()) {
    EXPECT_TRUE(seen.insert(setting.path).second) << setting.path;
    EXPECT_FALSE(setting.summary.empty()) << setting.path;
    EXPECT_EQ(setting.kind == SettingKind::kChoice, !setting.choices.empty()) << setting.path;
    const std::string parent = ParentOf(setting.path);
    if (parent.empty()) continue;
    const Setting* above = FindSetting(parent);
    ASSERT_NE(above, nullptr) << setting.path;
    EXPECT_EQ(above->kind, setting.path.ends_with(".[]") ? SettingKind::kList : SettingKind::kMap)
        << setting.path;
  }
}

TEST(SettingsTable, EveryFallbackIsAValueOfItsKindWithinItsRange) {
  for (const Setting& setting : AllSettings()) {
    if (setting.required) {
      EXPECT_TRUE(setting.fallback.empty() || setting.path == "millrace") << setting.path;
    }
    EXPECT_LE(setting.least, setting.most) << setting.path;
    if (setting.fallback.empty()) continue;
    const Section section(ParentOf(setting.path), nullptr);
    const std::string_view name = setting.path.substr(setting.path.rfind('.') + 1);
    std::optional<int64_t> number;
    if (setting.kind == SettingKind::kInteger) {
      number = section.Integer(name);
      EXPECT_EQ(std::to_string(*number), setting.fallback) << setting.path;
    }
    if (setting.kind == SettingKind::kDuration || setting.kind == SettingKind::kSize) {
      number = setting.kind == SettingKind::kSize ? ParseSize(setting.fallback)
                                                  : ParseDuration(setting.fallback);
      ASSERT_TRUE(number) << setting.path;
    }
    if (setting.kind == SettingKind::kBoolean) {
      EXPECT_TRUE(setting.fallback == "true" || setting.fallback == "false") << setting.path;
    }
    if (setting.kind == SettingKind::kChoice) {
      EXPECT_TRUE(IsChoice(setting, setting.fallback)) << setting.path;
    }
    if (number) {
      EXPECT_GE(*number, setting.least) << setting.path;
      EXPECT_LE(*number, setting.most) << setting.path;
    }
  }
}

TEST(Durations, AreReadWithEveryUnit) {
  EXPECT_EQ(ParseDuration("250us"), 250);
  EXPECT_EQ(ParseDuration("250ms"), 250000);
  EXPECT_EQ(ParseDuration("1.5s"), 1500000);
  EXPECT_EQ(ParseDuration("10 m"), 600000000);
  EXPECT_EQ(ParseDuration("2h"), 7200000000);
  EXPECT_EQ(ParseDuration("7d"), 604800000000);
  EXPECT_EQ(ParseDuration("0"), 0);
}

TEST(Durations, RefuseWhatIsNone) {
  for (const char* text : {"", "5", "s", "-5s", "+5s", "5 parsecs", "5s5s", "1e3s", "nans", "nan",
                           "infs", "300000000d", "5S", " 5s", "5s "}) {
    EXPECT_FALSE(ParseDuration(text)) << text << " " << ParseDuration(text).value_or(0);
  }
}

TEST(Durations, ComeBackAsTheyWereShown) {
  io::SeededRandom random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto micros = static_cast<int64_t>(random.Next() >> (14 + random.Next() % 50));
    EXPECT_EQ(ParseDuration(FormatDuration(micros)), micros) << FormatDuration(micros);
  }
}

TEST(Sizes, AreReadWithEveryUnit) {
  EXPECT_EQ(ParseSize("512"), 512);
  EXPECT_EQ(ParseSize("512B"), 512);
  EXPECT_EQ(ParseSize("64KiB"), 65536);
  EXPECT_EQ(ParseSize("16 MiB"), 16777216);
  EXPECT_EQ(ParseSize("1.5GiB"), 1610612736);
  EXPECT_EQ(ParseSize("2TiB"), 2199023255552);
  EXPECT_EQ(ParseSize("3kB"), 3000);
  for (const char* text : {"", "KiB", "-1", "nan", "inf", "1e9", "9999999999TiB", "1 kib", "0x10"})
    EXPECT_FALSE(ParseSize(text)) << text << " " << ParseSize(text).value_or(0);
}

struct Mistake {
  const char* what;
  const char* yaml;  // below a correct head of two lines
  const char* line;
};

constexpr Mistake kMistakes[] = {
    {"unknown key", "descripton: x\n",
     "p.yaml:3:1: error: unknown key \"descripton\" (did you mean \"description\"?)"},
    {"unknown key, nothing near", "pools: {p: {slots: 1, zzzzzz: 2}}\n",
     "p.yaml:3:23: error: unknown key \"zzzzzz\" in pools.* (known here: slots)"},
    {"no whole number", "engine:\n  threads: many\n",
     "p.yaml:4:12: error: \"threads\" must be a whole number, not \"many\""},
    {"no duration", "shutdown_timeout: 5 parsecs\n",
     "p.yaml:3:19: error: \"shutdown_timeout\" must be a duration such as 250ms, 5s, 10m, 2h or "
     "7d, not \"5 parsecs\""},
    {"no size", "log: {disk_budget: nan}\n",
     "p.yaml:3:20: error: \"disk_budget\" must be a size such as 64KiB, 16MiB or 1GiB, not "
     "\"nan\""},
    {"out of range", "topics:\n  t:\n    partitions: 0\n",
     "p.yaml:5:17: error: \"partitions\" is 0, must be within 1 and 1024"},
    {"duration out of range", "store: {flush_interval: 50ms}\n",
     "p.yaml:3:25: error: \"flush_interval\" is 50ms, must be within 100ms and 1d"},
    {"choice", "log:\n  durability: fsnc\n",
     "p.yaml:4:15: error: \"durability\" must be one of fsync, os, not \"fsnc\" (did you mean "
     "\"fsync\"?)"},
    {"missing", "pools:\n  small:\n    {}\n",
     "p.yaml:4:3: error: \"slots\" is missing (Tasks of the pool that may run at once.)"},
    {"a map is needed", "store: 5\n", "p.yaml:3:8: error: \"store\" must be a map of keys"},
    {"a scalar is needed", "description: [a]\n",
     "p.yaml:3:14: error: \"description\" must be text"},
    {"a list is needed", "queries:\n  q: {sql: SELECT 1, into: t, expect: none}\n",
     "p.yaml:4:39: error: \"expect\" must be a list"},
    {"no value", "description:\n",
     "p.yaml:3:1: error: \"description\" has no value (write text, or remove the key)"},
};

TEST(CheckAgainstSettings, PlacesEachMistakeAndSaysTheCure) {
  for (const Mistake& mistake : kMistakes) {
    const Problems problems = CheckText(fmt::format("millrace: 1\nname: t\n{}", mistake.yaml));
    EXPECT_EQ(Lines(problems), std::vector<std::string>{mistake.line}) << mistake.what;
  }
}

TEST(CheckAgainstSettings, ReportsEverythingAtOnce) {
  EXPECT_EQ(CheckText("millrace: 2\nnam: t\nstore: 1\nlog: {durability: x, y: z}\n").size(), 6U);
}

TEST(CheckAgainstSettings, NeverRepeatsASecretThatWasWrittenOut) {
  const Problems problems = CheckText(
      "millrace: 1\nname: t\ndags: {d: {tasks: {a: {http: {url: u, topic: t,\n"
      "  auth: {kind: bearer, secret: hunter2}}}}}}\n");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].where, (sql::Location{4, 32}));
  EXPECT_EQ(problems[0].ToString().find("hunter2"), std::string::npos);
}

TEST(SettingsReference, IsThePageInTheDocs) {
  const auto page =
      io::ReadWholeFile(io::PosixFileSystem(), MILLRACE_SOURCE_DIR "/docs/reference/settings.md");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_TRUE(*page == SettingsReference())
      << "run: millrace schema --markdown > docs/reference/settings.md";
}

TEST(FixturesReference, IsThePageInTheDocs) {
  const auto page =
      io::ReadWholeFile(io::PosixFileSystem(), MILLRACE_SOURCE_DIR "/docs/reference/fixtures.md");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_TRUE(*page == FixturesReference())
      << "run: millrace schema --fixtures > docs/reference/fixtures.md";
}

TEST(Section, ReadsWhatIsWrongAsItsFallback) {
  Problems problems;
  const Node root = ParseDocument("p.yaml", "engine: {threads: many}\n", {}, problems);
  const Section engine = Section("", &root).Child("engine");
  EXPECT_EQ(engine.Integer("threads"), 0);
  EXPECT_EQ(engine.Bytes("epoch_bytes"), 4 << 20);
  EXPECT_EQ(Section("", &root).Child("store").DurationUs("flush_interval"), 30000000);
}

}  // namespace
}  // namespace millrace::pipeline
