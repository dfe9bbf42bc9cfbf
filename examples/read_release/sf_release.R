# The hexagons of a release in R, with their outlines: the share contradicted, by operator.
library(sf)

folder <- commandArgs(trailingOnly = TRUE)[1]
hexagons <- st_read(file.path(folder, "hexagons.gpkg"), layer = "hexagons", quiet = TRUE)
judged <- subset(hexagons, technology == "4G" & threshold == "service" & !remainder &
                   verdict %in% c("contradicted", "confirmed"))
share <- tapply(judged$verdict == "contradicted", judged$operator_name, mean)
cat(sprintf("%s,%s\n", names(share), round(share, 3)), sep = "")
