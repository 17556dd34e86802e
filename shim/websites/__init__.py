"""S3's website endpoints: buckets shown to browsers, as pages with redirects and HTML errors."""
