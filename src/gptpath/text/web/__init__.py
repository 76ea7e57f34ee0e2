"""From links to pages to texts: WebText's way (GPT-2 sec. 2.1), politely and resumably."""
