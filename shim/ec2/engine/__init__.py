"""What every EC2 action uses: ids, resource types, errors, filters, pages and client tokens."""
