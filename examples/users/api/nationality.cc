#include "nationality.h"

#include <algorithm>

#include "nationality_data.h"

namespace millrace::users {
namespace {

std::vector<std::string_view> Split(std::string_view list, char separator) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const size_t end = std::min(list.find(separator), list.size());
    parts.push_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return parts;
}

std::vector<Name> SplitNames(std::string_view list) {
  std::vector<Name> names;
  for (std::string_view part : Split(list, ',')) {
    const auto halves = Split(part, '|');
    names.push_back({halves.front(), halves.back()});
  }
  return names;
}

std::vector<City> SplitCities(std::string_view list) {
  std::vector<City> cities;
  for (std::string_view part : Split(list, ',')) {
    const auto halves = Split(part, '|');
    cities.push_back({halves.front(), halves.back()});
  }
  return cities;
}

std::vector<Nationality> Load() {
  std::vector<Nationality> loaded;
  for (const NationalityText& text : kNationalityTexts) {
    loaded.push_back({.code = text.code,
                      .country = text.country,
                      .utc_offset = text.utc_offset,
                      .zone_description = text.zone_description,
                      .postcode_pattern = text.postcode_pattern,
                      .phone_pattern = text.phone_pattern,
                      .cell_pattern = text.cell_pattern,
                      .id_name = text.id_name,
                      .id_pattern = text.id_pattern,
                      .men = SplitNames(text.men),
                      .women = SplitNames(text.women),
                      .families = SplitNames(text.families),
                      .cities = SplitCities(text.cities),
                      .streets = Split(text.streets, ',')});
  }
  return loaded;
}

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

std::span<const Nationality> Nationalities() {
  static const auto* all = new std::vector<Nationality>(Load());
  return *all;
}

const Nationality* FindNationality(std::string_view code) {
  for (const Nationality& nationality : Nationalities())
    if (std::ranges::equal(nationality.code, code, {}, {}, Upper)) return &nationality;
  return nullptr;
}

}  // namespace millrace::users
