"""Reading what people bring: archives, tables, GIS files, OpenStreetMap extracts."""
