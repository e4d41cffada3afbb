#include "pipeline/effective_settings.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace millrace::pipeline {
namespace {

std::vector<EffectiveSetting> ListOf(std::string_view text) {
  Problems problems;
  const Node root = ParseDocument("pipeline.yaml", text, {}, problems);
  EXPECT_TRUE(problems.empty());
  return EffectiveSettings(root);
}

const EffectiveSetting& At(const std::vector<EffectiveSetting>& list, std::string_view path) {
  static const EffectiveSetting kNone;
  const auto found = std::ranges::find(list, path, &EffectiveSetting::path);
  EXPECT_NE(found, list.end()) << path;
  return found == list.end() ? kNone : *found;
}

TEST(EffectiveSettings, TellWhereEachComesFrom) {
  const auto list = ListOf(
      "millrace: 1\nname: t\nlog:\n  durability: os\nstore: {memory: \"${MEMORY:-64MiB}\"}\n"
      "topics:\n  raw: {partitions: 2}\ntables: [a.cql, b.cql]\n");
  EXPECT_EQ(At(list, "log.durability").value, "os");
  EXPECT_EQ(At(list, "log.durability").origin, SettingOrigin::kFile);
  EXPECT_EQ(At(list, "log.durability").where->line, 4);
  EXPECT_EQ(At(list, "log.segment_bytes").value, "64MiB");
  EXPECT_EQ(At(list, "log.segment_bytes").origin, SettingOrigin::kDefault);
  EXPECT_EQ(At(list, "store.memory").value, "${MEMORY:-64MiB}");
  EXPECT_EQ(At(list, "store.memory").origin, SettingOrigin::kEnvironment);
  EXPECT_EQ(At(list, "api.listen").origin, SettingOrigin::kDefault);
  EXPECT_EQ(At(list, "topics.raw.partitions").value, "2");
  EXPECT_EQ(At(list, "tables[1]").value, "b.cql");
}

TEST(EffectiveSettings, NeverHoldASecret) {
  const auto list = ListOf(R"(millrace: 1
name: t
dags:
  d:
    tasks:
      fetch:
        http:
          url: https://user:canary@example.com/
          topic: raw
          headers: {Authorization: Bearer canary}
          query: {api_key: canary}
          body: canary
          auth: {kind: bearer, secret: "env:TOKEN"}
      page: {http: {url: "https://example.com/?key=canary", topic: raw}}
      command: {command: {argv: [curl, canary], environment: {TOKEN: canary}}}
)");
  for (const EffectiveSetting& setting : list) {
    EXPECT_EQ(setting.value.value_or("").find("canary"), std::string::npos) << setting.path;
  }
  EXPECT_EQ(At(list, "dags.d.tasks.fetch.http.headers.Authorization").value, std::nullopt);
  EXPECT_EQ(At(list, "dags.d.tasks.fetch.http.url").value, std::nullopt);
  EXPECT_EQ(At(list, "dags.d.tasks.fetch.http.topic").value, "raw");
  EXPECT_EQ(At(list, "dags.d.tasks.fetch.http.auth.secret").value, "env:TOKEN");
}

}  // namespace
}  // namespace millrace::pipeline
