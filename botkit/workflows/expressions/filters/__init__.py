"""The filters, one file for each heading of the reference. Every file here is loaded; there is no list to extend."""
